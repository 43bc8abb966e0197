"""Stop an RMA: unshipped, it gives its part back; shipped for a case that ended, the replacement is wanted back."""

from uuid import UUID

from libs.events.rma import RmaCancelled
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.case_file import CaseFile
from services.rma.model.rma import UNSHIPPED, Rma, outbound_machine
from services.rma.queries.rmas import RmaOut, rma_seen_by
from services.rma.reactions.order_labels import order_return_label
from services.rma.reactions.reserve_part import release_part

router = Router(tags=["rmas"])


class CancelRma(Command):
    reason: Reason


async def cancel_rma(rma: Rma, tx: Transaction, reason: str) -> None:
    """Raises ForbiddenTransition once it has shipped."""
    outbound_machine.check(rma.state, "cancelled")
    if rma.state == "reserved":
        await release_part(rma, tx, reason)
    rma.to("cancelled", tx, reason)
    for timer in ("contract_due", "forecast:ship_cut_off"):
        tx.cancel_timer(rma, timer)
    tx.emit(RmaCancelled(**rma.ids, reason=reason, by=tx.scope.actor, cancelled_at=tx.now))


async def stop_for_cancelled_case(rma: Rma, tx: Transaction, reason: str) -> None:
    """What has not left stays here; what has left and was not put in comes back."""
    if rma.state in UNSHIPPED:
        await cancel_rma(rma, tx, reason)
    elif rma.state in ("shipped", "delivered") and not rma.installation:
        needs_label = not rma.return_required
        if return_leg.expect_the_replacement_back(rma, tx, reason) and needs_label:
            await order_return_label(rma, tx)


@router.post("/v1/rmas/{rma_id}/cancel", dependencies=[allow("engineer", "manager")])
async def cancel_rma_route(rma_id: UUID, cmd: CancelRma, tx: Tx, caller: Caller) -> RmaOut:
    rma = await rma_seen_by(caller, rma_id, tx, lock=True)
    case = await CaseFile.find(rma.case_id, tx)
    if case:
        case.takes_commands()
    await cancel_rma(rma, tx, cmd.reason)
    return RmaOut.of(rma)
