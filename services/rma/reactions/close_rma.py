"""Close an RMA once both legs are over."""

from libs.events.rma import RmaClosed
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.rma import CLOSE, Rma
from services.rma.model.steps import Close


async def close(rma: Rma, step: Close, tx: Transaction) -> None:
    """Nothing follows any more. An RMA whose lost part turned up is closed a second time, as `found`."""
    if rma.state == "delivered":
        rma.become("closed", tx, step.outcome)
    rma.closed_at = tx.now
    tx.cancel_timer(rma, CLOSE)
    tx.emit(RmaClosed(**rma.ids, outcome=step.outcome, closed_at=tx.now))


async def close_if_over(rma: Rma, tx: Transaction) -> None:
    """Closes it if nothing is on its way in either direction."""
    if outcome := return_leg.outcome(rma):
        await close(rma, Close(outcome), tx)


async def close_by_time(rma: Rma, tx: Transaction, _detail: str) -> None:
    """Nobody confirmed a part that needs no return: it is taken for installed."""
    if outcome := return_leg.outcome(rma, by_time=True):
        await close(rma, Close(outcome), tx)
