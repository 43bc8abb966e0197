"""Whether whoever has a case has acted on it, and when it is taken back if they do not."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from libs.kit.calendar import CalendarData, CalendarError, calendar
from services.escalation.model.case_file import Assignee, CaseFile
from services.escalation.model.facts import Fact

_ENDS_A_REST = frozenset({"wait_ended", "cancellation_declined", "cancellation_withdrawn", "resolution_taken_back"})


def idle_since(facts: Iterable[Fact], assignee: Assignee) -> datetime | None:
    """Since when they have had the case, or had it again, without doing anything: a note, a diagnosis, a wait, another severity, whatever
    of theirs a fact tells. That they were given it, or took it, is no act. None: they have acted."""
    facts = [*facts]
    since = max([assignee.since, *(fact.at for fact in facts if fact.kind == "reopened")])
    theirs = (fact for fact in facts if fact.person_id == assignee.person_id and fact.kind != "assigned")
    return None if any(fact.at >= since for fact in theirs) else since


def counted_from(case: CaseFile) -> datetime | None:
    """From when on the time to act is counted: anew after whatever it rested for. None while there is nothing to count: nobody has it, it
    waits for the customer or others, it is not worked, or they have acted."""
    if case.holder is None or case.state != "open" or case.waiting:
        return None
    assert case.assignee
    since = idle_since(case.facts, case.assignee)
    if since is None:
        return None
    return max([since, *(fact.at for fact in case.facts if fact.kind in _ENDS_A_REST)])


def taken_back_at(start: datetime, minutes: int, hours: CalendarData) -> datetime | None:
    """So many minutes of their own hours later; None where these never come."""
    try:
        return calendar(hours).add_business_time(start, timedelta(minutes=minutes))
    except CalendarError:
        return None
