"""Calendars as data: of depots, and of the countries and regions that parts are sent to."""

from datetime import datetime
from uuid import UUID

import holidays

from libs.events.values import OpeningHours, Site
from libs.kit.calendar import Calendar, CalendarData, WeeklyWindow, calendar
from libs.kit.names import Found
from libs.kit.problems import Conflict
from libs.store import Entity

_KNOWN_COUNTRIES = frozenset(holidays.list_supported_countries())
_OFFICE_HOURS = WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="08:00", closes="18:00")


class CalendarInUse(Conflict):
    title = "Another calendar is the destination's already"


class BusinessCalendar(
    Found, Entity, table="calendars", indexes=("country", ("sort_key", "id")), unique=("name",), reference=True
):
    """With a country it is the destination calendar there, more so with a region; a depot names its own by id."""

    name: str
    country: str | None
    region: str | None
    data: CalendarData
    edited_by: str
    edited_because: str
    edited_at: datetime


def destination_calendar(site: Site, known: list[BusinessCalendar]) -> Calendar:
    """The region's calendar, else the country's, else office hours and public holidays; on the site's clock and open weekdays."""
    here = [each for each in known if each.country == site.country and each.region in (None, site.region)]
    found = max(here, key=lambda each: (each.region is not None, each.name), default=None)
    data = found.data if found else _usual(site.country, site.time_zone)
    windows = _while_open(data.windows, site.opening_hours)
    return calendar(data.model_copy(update={"time_zone": site.time_zone, "windows": windows}))


def _usual(country: str, time_zone: str) -> CalendarData:
    known = country if country in _KNOWN_COUNTRIES else None
    return CalendarData(time_zone=time_zone, windows=(_OFFICE_HOURS,), holidays_country=known)


def _while_open(windows: tuple[WeeklyWindow, ...], hours: list[OpeningHours]) -> tuple[WeeklyWindow, ...]:
    """A parcel finds nobody on a weekday on which the site is closed; a site that is open on none of them changes nothing."""
    open_on = {day for each in hours for day in each.weekdays}
    kept = [(each, tuple(day for day in each.weekdays if day in open_on)) for each in windows]
    narrowed = tuple(each.model_copy(update={"weekdays": days}) for each, days in kept if days)
    return narrowed or windows


def by_id(id: UUID, known: list[BusinessCalendar]) -> BusinessCalendar | None:
    """The calendar with this id."""
    return next((each for each in known if each.id == id), None)
