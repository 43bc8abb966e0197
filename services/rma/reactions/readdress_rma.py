"""The address or the contact changed before the part left: other labels, and another forecast."""

from libs.store import Transaction
from services.rma.model.network import Network
from services.rma.model.rma import FORECAST_ADDRESS, Rma
from services.rma.model.steps import Readdress
from services.rma.reactions.order_labels import order_labels_again


async def readdress_rma(rma: Rma, step: Readdress, tx: Transaction) -> None:
    """Where no lane leads to the new address, the labels stay until somebody acts."""
    rma.take_cover(step.coverage)
    if rma.state != "reserved":
        return
    network, depot_id = await Network.load_for(rma, tx), rma.kept.depot_id
    if lane := network.lane(depot_id, rma.destination):
        tx.set_timer(rma, FORECAST_ADDRESS, tx.now)
        await order_labels_again(rma, network.depots[depot_id], lane, tx)
