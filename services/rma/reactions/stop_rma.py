"""Stop an RMA: unshipped, it gives its part back; shipped, the replacement is wanted back."""

from libs.events.rma import RmaCancelled
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.outbound_leg import outbound_machine
from services.rma.model.rma import CONTRACT_DUE, FORECAST_SHIP_CUT_OFF, Rma
from services.rma.model.steps import Cancel, WantReplacementBack
from services.rma.reactions.order_labels import order_return_label
from services.rma.reactions.reserve_part import release_part


async def stop_rma(rma: Rma, step: Cancel, tx: Transaction) -> None:
    """Nothing is sent. Raises ForbiddenTransition once something has shipped."""
    outbound_machine.check(rma.state, "cancelled")
    if rma.state == "reserved":
        await release_part(rma, tx, step.reason)
    rma.become("cancelled", tx, step.reason)
    for timer in (CONTRACT_DUE, FORECAST_SHIP_CUT_OFF):
        tx.cancel_timer(rma, timer)
    tx.emit(RmaCancelled(**rma.ids, reason=step.reason, by=tx.scope.actor, cancelled_at=tx.now))


async def want_replacement_back(rma: Rma, step: WantReplacementBack, tx: Transaction) -> None:
    """It has left and is not needed. A label for the way back is ordered unless there was one for the defective part."""
    needs_label = not rma.return_required
    if return_leg.expect_the_replacement(rma, tx, step.reason) and needs_label:
        await order_return_label(rma, tx)
