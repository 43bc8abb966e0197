"""Business time: which days are worked, when the doors are open, and how far a duration reaches through both.

A calendar is data (`CalendarData`, a row of the service that owns it); `calendar(data)` gives the arithmetic on it.
Instants go in aware and come out in UTC; dates are dates at the calendar's place. A window opens and closes when the
wall clock there *first* shows the time: clocks turned back stretch the window that spans the change and repeat none,
clocks turned forward shorten it. A window that spans midnight is written as two.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from libs.kit.calendar_data import (
    CalendarData,
    Language,
    NamedDate,
    WeeklyWindow,
    minutes_of,
    public_holidays,
    weekly_spans,
)

__all__ = [
    "Calendar",
    "CalendarData",
    "CalendarError",
    "DayEnd",
    "Language",
    "NamedDate",
    "WeeklyWindow",
    "Window",
    "calendar",
]

_DAY = timedelta(days=1)
_SEARCH = 731  # days: a calendar with nothing open in two years is a mistake, not an answer
_WEEKEND: dict[Language, str] = {"en": "weekend", "vi": "cuối tuần"}


class CalendarError(ValueError):
    """There is no answer: nothing is open within two years, or an instant came without its zone."""


class Window(NamedTuple):
    """A stretch of open time, both ends in UTC; the end is outside."""

    start: datetime
    end: datetime


class DayEnd(NamedTuple):
    """A day at the calendar's place, and the first instant after it, in UTC."""

    day: date
    at: datetime


def _utc(instant: datetime) -> datetime:
    """Compared in one zone, Python looks at the wall clock alone and takes a repeated hour for one."""
    if instant.utcoffset() is None:
        raise CalendarError("an instant without a time zone has no place in a calendar")
    return instant.astimezone(UTC)


@lru_cache(maxsize=512)
def calendar(data: CalendarData) -> "Calendar":
    """The arithmetic on `data`; the same object for the same data, so that its memory of windows is kept."""
    return Calendar(data)


class Calendar:
    """Arithmetic on one calendar. Immutable; take it from `calendar(data)`."""

    def __init__(self, data: CalendarData) -> None:
        self.data = data
        self.zone = ZoneInfo(data.time_zone)
        self._week = weekly_spans(data)
        self._usual = next(spans for spans in self._week if spans)
        self._closed = {each.date: each.name for each in data.closed}
        self._working = frozenset(each.date for each in data.working)
        self._remembered = lru_cache(maxsize=4096)(self._windows_on)

    def closure_reason(self, day: date, language: Language = "en") -> str | None:
        """Why `day` is not worked: the closure's name, the holiday's, or the weekend; None when it is worked.

        A closed date is closed whatever else it is; a working date is worked although it is a holiday or a weekend.
        """
        if closure := self._closed.get(day):
            return closure
        if day in self._working:
            return None
        country, subdivision = self.data.holidays_country, self.data.holidays_subdivision
        if country and (holiday := public_holidays(country, subdivision, day.year, language).get(day)):
            return holiday
        return None if self._week[day.weekday()] else _WEEKEND[language]

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is worked at all."""
        return self.closure_reason(day) is None

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day strictly after `day` (before it, for a negative n); for 0 see `working_day_on_or_after`."""
        if n == 0:
            return self.working_day_on_or_after(day)
        step = _DAY if n > 0 else -_DAY
        for _ in range(abs(n)):
            found = next(filter(self.is_working_day, (day + step * i for i in range(1, _SEARCH + 1))), None)
            if found is None:
                raise CalendarError(f"no working day within two years of {day}")
            day = found
        return day

    def next_working_day(self, day: date, n: int = 1) -> date:
        """The n-th working day strictly after `day`; n is 1 or more."""
        if n < 1:
            raise CalendarError(f"the next working day is the first or a later one, not number {n}")
        return self.add_working_days(day, n)

    def end_of_working_day(self, start: datetime, n: int) -> DayEnd:
        """The n-th working day strictly after the day of `start`, and the instant at which it is over."""
        day = self.add_working_days(self.local_date(start), n)
        return DayEnd(day, self.at(day, "24:00"))

    def working_day_on_or_after(self, day: date) -> date:
        """`day` itself when it is worked, else the next day that is."""
        return day if self.is_working_day(day) else self.add_working_days(day, 1)

    def local_date(self, instant: datetime) -> date:
        """The date at the calendar's place."""
        return _utc(instant).astimezone(self.zone).date()

    def at(self, day: date, clock: str) -> datetime:
        """The first instant at which the wall clock has reached `clock` ("HH:MM") on `day`: a cut-off, in UTC."""
        return self._at(day, minutes_of(clock))

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """The day's open windows in order; a working date on a weekday without windows has the week's first ones."""
        return self._remembered(day)

    def _windows_on(self, day: date) -> tuple[Window, ...]:
        if not self.is_working_day(day):
            return ()
        spans = self._week[day.weekday()] or self._usual
        windows = (Window(self._at(day, opens), self._at(day, closes)) for opens, closes in spans)
        return tuple(window for window in windows if window.start < window.end)

    def is_open(self, instant: datetime) -> bool:
        """Whether business time runs at `instant`."""
        # Clocks turned back over midnight show yesterday's date again, with a window of today open already.
        instant, day = _utc(instant), self.local_date(instant)
        return any(start <= instant < end for each in (day, day + _DAY) for start, end in self.windows_on(each))

    def next_window(self, instant: datetime) -> Window:
        """The window that is open at `instant`, else the next one to open."""
        return next(self._windows_after(_utc(instant)))

    def add_business_time(self, start: datetime, duration: timedelta) -> datetime:
        """The first instant at which `duration` of business time has passed since `start`; for zero, `start`, in UTC.

        A duration that fills a window ends as it closes, not as the next one opens.
        """
        instant = _utc(start)
        if duration < timedelta(0):
            raise CalendarError("business time is added forwards")
        if not duration:
            return instant
        for window in self._windows_after(instant):
            opens = max(window.start, instant)
            if duration <= window.end - opens:
                return opens + duration
            duration -= window.end - opens
        raise CalendarError("the duration reaches past the end of the calendar")

    def business_time_between(self, a: datetime, b: datetime) -> timedelta:
        """How much business time passes from `a` to `b`; negative when `b` is the earlier."""
        a, b = _utc(a), _utc(b)
        if b < a:
            return -self.business_time_between(b, a)
        total, day, last = timedelta(0), self.local_date(a), self.local_date(b) + _DAY
        while day <= last:
            for start, end in self.windows_on(day):
                total += max(min(end, b) - max(start, a), timedelta(0))
            day += _DAY
        return total

    def _windows_after(self, instant: datetime) -> Iterator[Window]:
        """Every window that has not ended by `instant`, from the earliest."""
        day = opened = self.local_date(instant)
        while (day - opened).days <= _SEARCH and day < date.max:
            for window in self.windows_on(day):
                if window.end > instant:
                    opened = day
                    yield window
            day += _DAY
        raise CalendarError(f"nothing is open within two years of {opened}")

    def _at(self, day: date, minutes: int) -> datetime:
        wall = datetime.combine(day, time.min) + timedelta(minutes=minutes)
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first <= second:
            return first
        # The wall clock skips this time: it reaches it at the jump, which lies between the two readings.
        while first - second > timedelta(seconds=1):
            middle = second + timedelta(seconds=(first - second) // timedelta(seconds=2))
            if middle.astimezone(self.zone).replace(tzinfo=None) < wall:
                second = middle
            else:
                first = middle
        return first
