"""A parcel was refused: another unit goes out under the same RMA and the same contract date."""

from uuid import UUID

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.custody import note_hand
from services.rma.model.network import Network
from services.rma.model.part import part_numbered
from services.rma.model.rma import Rma
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.await_return import stop_waiting
from services.rma.reactions.re_source import locked_shelves
from services.rma.reactions.reserve_part import keep_for

router = Router(tags=["rmas"])


class NothingToSend(Conflict):
    title = "Nothing can be sent now"


class SendAgain(Command):
    """What was agreed with the customer."""

    reason: Reason


async def send_again(rma: Rma, cmd: SendAgain, tx: Transaction) -> None:
    """The refused unit is followed by its serial until a depot has it; the way back is the defective part's again. Raises NothingToSend."""
    network = await Network.load_for(rma, tx)
    stock, parts = await locked_shelves(rma, tx)
    shelves = {(row.depot_id, row.part_number): row for row in stock}
    free = [place for place, row in shelves.items() if row.available > 0 and row.part_number in parts]
    offers = network.offers(tx.now, rma.destination, free, parts)
    if not offers:
        raise NothingToSend("No depot that sends there has the part now.", state=rma.state, possible=["wait", "cancel"])
    if rma.return_state != "inspected":
        await note_hand(rma, rma.shipped_serial, "refused", "coming_back", tx)
    stop_waiting(rma, tx)
    part = await part_numbered(rma.sent_part, tx)
    return_leg.begin_anew(rma, tx, cmd.reason, returnable=part.returnable if part else True)
    rma.take_parcel_back()
    best = min(offers, key=lambda offer: offer.rank(rma.grant.due))
    await keep_for(rma, best, shelves[best.depot.id, best.part_number], tx, why=cmd.reason)


@router.post("/v1/rmas/{rma_id}/send-again", dependencies=[allow(*COMMANDS.roles("send_again"))])
async def send_again_route(rma_id: UUID, cmd: SendAgain, tx: Tx, caller: Caller) -> RmaOut:
    """Keeps another unit for the RMA whose parcel was refused."""
    its = await rma_for(caller, rma_id, tx, "send_again")
    await send_again(its.rma, cmd, tx)
    return RmaOut.of(its, caller)
