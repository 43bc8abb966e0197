"""What is due on a case and when, as escalation's clocks tell it; the case shows it and is listed by it."""

from libs.events.escalation import ClockMet, ClockPaused, ClockResumed, ClockStarted, ClockStopped
from libs.store import Transaction
from services.cases.model.due import RunningClock
from services.cases.reactions.heard import heard


async def keep_clock(event: ClockStarted | ClockPaused | ClockResumed, tx: Transaction) -> None:
    """Due at another instant, or at none while it stands still. One that had ended runs again where a fact came late."""
    if found := await heard(event, tx):
        due_at = None if isinstance(event, ClockPaused) else event.due_at
        found[0].keep_clock(RunningClock(clock=event.clock, clock_id=event.clock_id, due_at=due_at))


async def end_clock(event: ClockMet | ClockStopped, tx: Transaction) -> None:
    """Nothing is due by this clock any more; the next of its kind may run already."""
    if found := await heard(event, tx):
        found[0].end_clock(event.clock_id)
