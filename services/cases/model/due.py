"""What is due next on a case, as escalation's clocks say."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from libs.events.escalation import ClockKind
from services.cases.model.case_values import CaseValue

ANSWERS: frozenset[ClockKind] = frozenset({"first_response", "update"})
"""The clocks that end with our next word to the customer."""


class RunningClock(CaseValue):
    """A clock that has not ended; `due_at` is None while it rests."""

    clock: ClockKind
    clock_id: UUID
    due_at: datetime | None


class Due(CaseValue):
    """An instant of the policy's calendar, which may be past, and the clock that is due then."""

    at: datetime
    clock: ClockKind


def kept(clocks: Collection[RunningClock], told: RunningClock) -> list[RunningClock]:
    """With what was told last: one of each kind runs at a time."""
    others = [each for each in clocks if each.clock != told.clock]
    return sorted([*others, told], key=lambda each: each.clock)


def first_due(clocks: Collection[RunningClock]) -> Due | None:
    """Of those that run; None while all rest."""
    running = [Due(at=each.due_at, clock=each.clock) for each in clocks if each.due_at]
    return min(running, key=lambda due: (due.at, due.clock), default=None)
