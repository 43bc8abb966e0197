"""The case's unit or site was corrected: what was granted for the wrong one is taken back, and decided anew."""

from libs.store import Transaction
from services.rma.model.next_step import missing
from services.rma.model.rma import CONTRACT_DUE, FORECAST_SHIP_CUT_OFF, Rma
from services.rma.model.steps import DecideAnew
from services.rma.reactions.open_rma import tell_requested
from services.rma.reactions.reserve_part import release_part


async def decide_anew(rma: Rma, step: DecideAnew, tx: Transaction) -> None:
    """Its part goes back; the contract's date is counted again. Where unit and site were right, the decision is only known of."""
    wrong, coverage = rma.wrong(step.coverage), step.coverage
    if wrong is None:
        rma.corrections = coverage.corrections
        return
    reason = f"the case's {wrong} was corrected"
    if rma.state == "reserved":
        await release_part(rma, tx, reason)
    for timer in (CONTRACT_DUE, FORECAST_SHIP_CUT_OFF):
        tx.cancel_timer(rma, timer)
    rma.take_back()
    rma.take_cover(coverage)
    rma.become("requested", tx, reason)
    rma.waiting_for = missing(coverage)
    tell_requested(rma, tx, reason)
