"""Somebody of ours is away: from an instant to another, or whole days where they are. Why, is nobody's business here."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from libs.kit.calendar import calendar
from libs.kit.calendar_data import CalendarData
from libs.kit.problems import Conflict
from libs.store import Entity


class AbsenceIsOver(Conflict):
    """It has ended, or was taken back: that somebody was away stays on record."""


class SomebodyElsesAbsence(Conflict):
    """Whose absence it is takes it back, or a manager."""


class Stretch(NamedTuple):
    """From an instant on until another, which is outside."""

    starts: datetime
    ends: datetime


def whole_days(first: date, last: date, time_zone: str) -> Stretch:
    """From midnight to midnight there, the last day included, however long the clocks make them."""
    there = calendar(CalendarData.round_the_clock(time_zone))
    return Stretch(there.at(first, "00:00"), there.at(last + timedelta(days=1), "00:00"))


class Absence(
    Entity, table="absences", indexes=(("starts", "id"), ("person_id", "starts", "id"), ("person_id", "ends"))
):
    """What is taken back before it begins never held; later, it ends then."""

    person_id: UUID
    starts: datetime
    ends: datetime
    by: str
    created_at: datetime
    removed_at: datetime | None = None
    removed_by: str | None = None

    def holds(self, at: datetime) -> bool:
        """Whether they are away at that instant."""
        return self.starts <= at < self.until

    @property
    def until(self) -> datetime:
        """When they are back, as it is known now."""
        return min(self.ends, self.removed_at) if self.removed_at else self.ends

    def must_be_theirs(self, person_id: UUID | None, *, manager: bool) -> None:
        """Raises SomebodyElsesAbsence."""
        if not manager and person_id != self.person_id:
            raise SomebodyElsesAbsence("Whose absence it is takes it back, or a manager.", possible=[])

    def remove(self, at: datetime, by: str) -> None:
        """They are here from now on. Raises AbsenceIsOver."""
        if self.until <= at or self.removed_at:
            raise AbsenceIsOver("It has ended or was taken back; that somebody was away stays on record.", possible=[])
        self.removed_at, self.removed_by = at, by


def back_at(absences: Iterable[Absence], person_id: UUID, at: datetime) -> datetime | None:
    """When somebody who is away at that instant is back: absences that follow each other are one. None: they are here."""
    theirs = sorted((each for each in absences if each.person_id == person_id), key=lambda each: each.starts)
    back = None
    for each in theirs:
        if each.holds(back or at):
            back = each.until
    return back
