"""A customer who owes us an answer: when they are reminded, and when their silence ends the case."""

from collections.abc import Iterator
from datetime import datetime

from libs.kit.calendar import Calendar
from services.cases.model.case import Case
from services.cases.model.case_values import Wait
from services.cases.model.policy import CasesPolicy

_GRACE_DAYS = 1
"""Business days since a reminder, and since the case last moved: nobody is found silent at the instant at which a part arrives."""


def open_questions(case: Case) -> list[Wait]:
    """What the customer is asked, the oldest first; nothing while it is assessed whether the case is cancelled."""
    return [w for w in case.waits if w.stands and w.kind == "customer"] if case.state == "pending" else []


def reminders(wait: Wait, days: Calendar, policy: CasesPolicy) -> list[datetime]:
    """When this question is asked again, at the end of these business days after it was asked."""
    return [days.end_of_working_day(wait.since, n).at for n in policy.remind_business_days]


def resolves_at(case: Case, days: Calendar, policy: CasesPolicy) -> datetime | None:
    """When the silence ends the case; None while something else is waited for."""
    asked = open_questions(case)
    if not asked or {*case.standing_waits} != {"customer"}:
        return None
    moved = max(case.history[-1].at, *(at for w in case.waits for at in (w.ended_at, w.reminded_at, w.since) if at))
    return max(
        days.end_of_working_day(asked[-1].since, policy.silent_business_days).at,
        days.end_of_working_day(moved, _GRACE_DAYS).at,
    )


def next_look(case: Case, days: Calendar, policy: CasesPolicy) -> datetime | None:
    """The next of these instants."""
    return min(_instants(case, days, policy), default=None)


def _instants(case: Case, days: Calendar, policy: CasesPolicy) -> Iterator[datetime]:
    for wait in open_questions(case):
        yield from reminders(wait, days, policy)[wait.reminded :][:1]
    if silent := resolves_at(case, days, policy):
        yield silent
