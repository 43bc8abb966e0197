"""How the escalations of a case go on if nobody takes them up: what raises one or joins it, who is called when, and when nobody answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.escalation.model.escalation_policy import Step

_MOST_CALLS = 24
"""So many calls that nobody answered are told of an escalation that has no end."""


@dataclass(frozen=True)
class Called:
    """One step and when it calls. `repeat` counts from 0."""

    at: datetime
    step: int
    repeat: int


@dataclass(frozen=True)
class Course:
    """What one call for an escalation sets off. One that joins begins the steps anew where nobody answered before; else the next step
    names it, and it has none of its own."""

    at: datetime
    joins: bool
    steps: tuple[Called, ...] = ()
    # when it is told that nobody took it up
    unanswered: tuple[datetime, ...] = ()


def courses(
    calls: Sequence[datetime], steps: Sequence[Step], *, repeat: int, every: timedelta, until: datetime | None
) -> list[Course]:
    """Of the calls for an escalation in one epoch, in order. `every` is the time between calls that nobody answered; `until` ends all."""
    lasts = (repeat + 1) * sum((timedelta(minutes=step.minutes_to_next) for step in steps), timedelta(0))
    found: list[Course] = []
    for number, (begins, goes_on) in enumerate(_begun(calls, lasts)):
        if begins is None:
            found.append(Course(at=calls[number], joins=True))
            continue
        bounds = [bound for bound in (goes_on, until) if bound]
        called = tuple(each for each in _called(begins, steps, repeat) if until is None or each.at < until)
        over = [begins + lasts + number * every for number in range(_MOST_CALLS)] if steps else []
        unanswered = tuple(each for each in over if not bounds or each < min(bounds))
        found.append(Course(at=begins, joins=number > 0, steps=called, unanswered=unanswered))
    return found


def _begun(calls: Sequence[datetime], lasts: timedelta) -> list[tuple[datetime | None, datetime | None]]:
    """Of each call when it begins the steps, None where they are under way, and when the next one begins them anew."""
    begins: list[datetime | None] = []
    since: datetime | None = None
    for at in calls:
        anew = since is None or at >= since + lasts
        since = at if anew else since
        begins.append(at if anew else None)
    return [(each, next((later for later in begins[n + 1 :] if later), None)) for n, each in enumerate(begins)]


def _called(at: datetime, steps: Sequence[Step], repeat: int) -> Iterable[Called]:
    for again in range(repeat + 1):
        for number, step in enumerate(steps, 1):
            yield Called(at=at, step=number, repeat=again)
            at += timedelta(minutes=step.minutes_to_next)
