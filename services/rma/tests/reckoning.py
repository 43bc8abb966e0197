"""Promises reckoned as somebody would with a wall calendar and a clock: day by day, quarter by quarter of an hour. It shares no code with
the service, not even its calendars, and is as slow as it looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY, _QUARTER = timedelta(days=1), timedelta(minutes=15)
_FURTHEST = timedelta(hours=26)


@dataclass(frozen=True)
class House:
    """A depot or a site: where its clock is, when its doors are open on which weekday, and on which dates they stay shut."""

    zone: str
    doors: tuple[tuple[tuple[str, str], ...], ...]
    shut: frozenset[date]

    def works(self, day: date) -> bool:
        return day not in self.shut and len(self.doors[day.weekday()]) > 0

    def today(self, instant: datetime) -> date:
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def shows(self, day: date, clock: str) -> datetime:
        """The first quarter at which the clock on the wall shows that time of that day, or a later one."""
        hours, minutes = clock.split(":")
        wanted = datetime.combine(day, time.min) + timedelta(hours=int(hours), minutes=int(minutes))
        instant = datetime.combine(day, time.min, UTC) - _FURTHEST
        while instant.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None) < wanted:
            instant += _QUARTER
        return instant

    def last_shut(self, day: date) -> datetime | None:
        ends = [self.shows(day, closes) for _, closes in self.doors[day.weekday()]]
        return max(ends) if ends and self.works(day) else None


@dataclass(frozen=True)
class Reckoned:
    leaves: datetime
    arrives_on: date
    arrives_by: datetime
    asked_too_late: bool
    depot_slept: int
    depot_shut: int
    site_shut: int


def lorry(depot: House, cut_off: str, day: date) -> datetime:
    """When the day's lorry leaves: at the cut-off, or when somebody last stood in the open door before it."""
    leaves = depot.shows(day, cut_off)
    doors = [(depot.shows(day, a), depot.shows(day, b)) for a, b in depot.doors[day.weekday()]]
    stood = [min(shut, leaves) for opened, shut in doors if opened < leaves]
    return max(stood) if stood else leaves


def reckon(
    depot: House, cut_off: str, nights: int, hour: str, site: House, asked: datetime, now: datetime | None = None
) -> Reckoned:
    """The part lies in the depot since `asked`; `now`, and is still there."""
    day, too_late, slept, shut = depot.today(asked), False, 0, 0
    while True:
        if not depot.works(day):
            shut += 1
        elif lorry(depot, cut_off, day) <= asked:
            too_late = True
        elif lorry(depot, cut_off, day) <= (now or asked):
            slept += 1
        else:
            break
        day += _DAY
    leaves = lorry(depot, cut_off, day)
    there, waited = site.today(leaves) + nights * _DAY, 0
    while not site.works(there) or _by(site, hour, there) <= leaves:
        waited += 0 if site.works(there) else 1
        there += _DAY
    return Reckoned(leaves, there, _by(site, hour, there), too_late, slept, shut, waited)


def due(site: House, cut_off: str, told: datetime) -> date:
    """The next business day after the one that the diagnosis counts as of."""
    day = site.today(told)
    if told >= site.shows(day, cut_off):
        day += _DAY
    while not site.works(day):
        day += _DAY
    day += _DAY
    while not site.works(day):
        day += _DAY
    return day


def _by(site: House, hour: str, day: date) -> datetime:
    shut = site.last_shut(day)
    return min(site.shows(day, hour), shut) if shut else site.shows(day, hour)


def days_of(reasons: Iterable[tuple[str, int]], *codes: str) -> int:
    return sum(days for code, days in reasons if code in codes)
