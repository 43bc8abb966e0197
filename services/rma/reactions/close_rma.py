"""Close an RMA once both legs are over."""

from libs.events.rma import RmaClosed
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.rma import Rma


def close_if_over(rma: Rma, tx: Transaction, *, by_time: bool = False) -> None:
    """Both legs are over: nothing is on its way in either direction, and a delivered part was returned for or confirmed.

    One whose lost part turned up is closed a second time, as `found`.
    """
    if rma.closed_at or rma.return_state not in return_leg.OVER:
        return
    outcome: str = (
        rma.state if rma.state != "delivered" else "unused" if rma.returns == "unused_replacement" else "replaced"
    )
    if rma.state == "delivered":
        if rma.return_state == "not_required" and not rma.installation and not by_time:
            return
        rma.to("closed", tx, outcome)
    elif rma.state not in ("lost", "refused", "dead_on_arrival"):
        return
    elif rma.state == "lost" and rma.delivered_at:
        outcome = "found"
    rma.closed_at = tx.now
    tx.cancel_timer(rma, "close")
    tx.emit(RmaClosed(**rma.ids, outcome=outcome, closed_at=tx.now))


async def close_by_time(rma: Rma, tx: Transaction, _detail: str) -> None:
    """Nobody confirmed a part that needs no return: it is taken for installed."""
    close_if_over(rma, tx, by_time=True)
