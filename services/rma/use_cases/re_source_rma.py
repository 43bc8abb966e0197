"""Send the part from another depot, by hand."""

from uuid import UUID

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.rma.model.network import Network
from services.rma.model.rma import Rma
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.re_source import best_elsewhere, locked_shelves, move
from services.rma.use_cases.keep_network import UnknownReference

router = Router(tags=["rmas"])


class NoOtherDepot(Conflict):
    title = "No other depot can send it"


class ReSourceRma(Command):
    """Why it is to come from elsewhere. Without a depot the one that can promise it best is taken."""

    reason: Reason
    depot_id: UUID | None = None


async def re_source_rma(rma: Rma, cmd: ReSourceRma, tx: Transaction) -> None:
    """The contract's date stays. Raises UnknownReference, NoOtherDepot."""
    network = await Network.load_for(rma, tx)
    if cmd.depot_id and cmd.depot_id not in network.depots:
        raise UnknownReference(f"There is no depot {cmd.depot_id}.")
    stock, parts = await locked_shelves(rma, tx)
    found = best_elsewhere(rma, network, stock, parts, tx.now, only=cmd.depot_id)
    if found is None:
        raise NoOtherDepot(
            f"{' or '.join(parts)} is free in no other depot that sends to {rma.destination.country}.",
            state=rma.state,
            possible=["ship", "cancel"],
        )
    await move(rma, found, stock, tx, cmd.reason)


@router.post("/v1/rmas/{rma_id}/re-source", dependencies=[allow(*COMMANDS.roles("re_source"))])
async def re_source_rma_route(rma_id: UUID, cmd: ReSourceRma, tx: Tx, caller: Caller) -> RmaOut:
    """Keeps a part for it in another depot; the old one gets its part and its labels back."""
    its = await rma_for(caller, rma_id, tx, "re_source")
    await re_source_rma(its.rma, cmd, tx)
    return RmaOut.of(its, caller)
