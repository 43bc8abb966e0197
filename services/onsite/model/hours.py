"""When a site can be visited: its opening hours as a calendar, and where two calendars are open at once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from libs.events.values import OpeningHours, Site
from libs.kit.calendar import Calendar, CalendarData, WeeklyWindow, calendar
from services.onsite.model.policy import OnsitePolicy

_DAY = 24 * 60
_ALMOST = timedelta(days=1)


class Shift(NamedTuple):
    """A stretch in which the site is open and the technician works; `begins` is when the technician's day does."""

    start: datetime
    end: datetime
    begins: datetime


def site_calendar(site: Site, policy: OnsitePolicy, days: CalendarData) -> Calendar:
    """The site's business hours on its business days. What was told to us is taken as it is: overlaps join, past midnight goes on next day."""
    weekdays = sorted({day for window in days.windows for day in window.weekdays})
    usual = OpeningHours(weekdays=weekdays, opens=policy.opens, closes=policy.closes)
    windows = _weekly(site.opening_hours) or _weekly([usual])
    try:
        ZoneInfo(site.time_zone)
        zone = site.time_zone
    except (LookupError, ValueError, OSError):
        zone = "UTC"
    return calendar(days.model_copy(update={"time_zone": zone, "windows": windows}))


def common_shifts(site: Calendar, technician: Calendar, start: datetime, days: int) -> Iterator[Shift]:
    """Where both are open, from the earliest, for so many days at the site."""
    first = site.local_date(start)
    for day in (first + timedelta(days=n) for n in range(days + 1)):
        for window in site.windows_on(day):
            worked = technician.local_date(window.start)
            for technicians_day in (worked - _ALMOST, worked, worked + _ALMOST):
                spans = technician.windows_on(technicians_day)
                for span in spans:
                    opens, closes = max(window.start, span.start), min(window.end, span.end)
                    if opens < closes:
                        yield Shift(opens, closes, spans[0].start)


def _weekly(hours: list[OpeningHours]) -> tuple[WeeklyWindow, ...]:
    """The same weekly minutes as windows that neither overlap nor span midnight."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for each in hours:
        opens, closes = _minutes(each.opens), _minutes(each.closes)
        for weekday in each.weekdays:
            days[weekday].append((opens, closes if opens < closes else _DAY))
            if opens >= closes > 0:
                days[(weekday + 1) % 7].append((0, closes))
    return tuple(
        WeeklyWindow(weekdays=(weekday,), opens=_clock(opens), closes=_clock(closes))
        for weekday, spans in enumerate(days)
        for opens, closes in _joined(spans)
    )


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for opens, closes in sorted(spans):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
