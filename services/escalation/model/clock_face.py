"""What a clock counts: time while its calendar is open, or business days, of which each is as long as that day's own windows."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple, Protocol

from libs.kit.calendar import Calendar, CalendarError, Window

_DAY, _MICROSECOND = timedelta(days=1), timedelta(microseconds=1)
_SEARCH = 731  # days, as in libs/kit/calendar.py


class Face(Protocol):
    """Counts in units of its own, exactly, so that what was counted in parts adds up to the whole."""

    @property
    def calendar(self) -> Calendar:
        """On which it is counted."""

    def between(self, start: datetime, end: datetime) -> Fraction:
        """How much passes from `start` to a later `end`."""

    def add(self, start: datetime, amount: Fraction) -> datetime:
        """The first instant at which so much has passed. Raises CalendarError."""

    def spoken(self, amount: Fraction) -> str:
        """As people say it."""


class InTime(NamedTuple):
    """Counts microseconds in which the calendar is open."""

    calendar: Calendar

    def between(self, start: datetime, end: datetime) -> Fraction:
        """See Face."""
        return Fraction(self.calendar.business_time_between(start, end) // _MICROSECOND)

    def add(self, start: datetime, amount: Fraction) -> datetime:
        """See Face."""
        return self.calendar.add_business_time(start, _time(amount))

    def spoken(self, amount: Fraction) -> str:
        """See Face."""
        return f"{_time(amount).total_seconds() / 3600:g} h"


class InDays(NamedTuple):
    """Counts working days: half of a day's windows is half a day, on a short one as on a long one."""

    calendar: Calendar

    def between(self, start: datetime, end: datetime) -> Fraction:
        """See Face."""
        total, day = Fraction(0), self.calendar.local_date(start)
        # Clocks turned back over midnight show yesterday's date again, with a window of today open already.
        while day <= self.calendar.local_date(end) + _DAY:
            if windows := self.calendar.windows_on(day):
                total += Fraction(_within(windows, start, end) // _MICROSECOND, _length(windows) // _MICROSECOND)
            day += _DAY
        return total

    def add(self, start: datetime, amount: Fraction) -> datetime:
        """See Face."""
        if not amount:
            return start
        day = opened = self.calendar.local_date(start)
        while (day - opened).days <= _SEARCH:
            if windows := self.calendar.windows_on(day):
                opened = day
                whole = _length(windows) // _MICROSECOND
                left = Fraction(_within(windows, start, windows[-1].end) // _MICROSECOND, whole)
                if amount <= left:
                    return _after(windows, start, _time(amount * whole))
                amount -= left
            day += _DAY
        raise CalendarError(f"nothing is open within two years of {opened}")

    def spoken(self, amount: Fraction) -> str:
        """See Face."""
        return f"{float(amount):g} business day{'' if amount == 1 else 's'}"


def _time(microseconds: Fraction) -> timedelta:
    return timedelta(microseconds=round(microseconds))


def _length(windows: tuple[Window, ...]) -> timedelta:
    return sum((end - start for start, end in windows), timedelta(0))


def _within(windows: tuple[Window, ...], start: datetime, end: datetime) -> timedelta:
    return sum((max(min(w.end, end) - max(w.start, start), timedelta(0)) for w in windows), timedelta(0))


def _after(windows: tuple[Window, ...], start: datetime, time: timedelta) -> datetime:
    """So much of these windows after `start`: they have it."""
    for window in windows:
        opens = max(window.start, start)
        if window.end - opens >= time:
            return opens + time
        time -= max(window.end - opens, timedelta(0))
    return windows[-1].end
