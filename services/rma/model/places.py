"""When somebody is there to take a parcel: the business days of places, as entitlements tells them."""

from collections.abc import Iterable
from uuid import UUID

from libs.events.values import NamedDay, OpeningHours, Site, WeeklyHours
from libs.kit.calendar import Calendar, CalendarData, NamedDate, WeeklyWindow, calendar
from libs.kit.calendar_data import usual_calendar
from libs.store import Entity

_OFFICE_HOURS = (("08:00", "18:00"),)


class PlaceCalendar(Entity, table="place_calendars", reference=True):
    """A replica of the calendars of countries and regions."""

    gone: bool = False
    country: str | None = None
    region: str | None = None
    windows: list[WeeklyHours] | None = None
    holidays_country: str | None = None
    holidays_subdivision: str | None = None
    closed: list[NamedDay] | None = None
    working: list[NamedDay] | None = None

    def data(self, time_zone: str) -> CalendarData:
        """On the site's clock."""
        return CalendarData(
            time_zone=time_zone,
            windows=tuple(WeeklyWindow.model_validate(each.model_dump()) for each in self.windows or []),
            holidays_country=self.holidays_country,
            holidays_subdivision=self.holidays_subdivision,
            closed=_named(self.closed),
            working=_named(self.working),
        )


class SiteDays(Entity, table="site_days"):
    """A replica of where sites lie, when they are open, and their own closed days."""

    gone: bool = False
    account_id: UUID | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    time_zone: str | None = None
    opening_hours: list[OpeningHours] | None = None
    closed: list[NamedDay] | None = None


def destination_calendar(site: Site, known: Iterable[PlaceCalendar], closed: list[NamedDay]) -> Calendar:
    """The region's calendar, else the country's, else office hours on its usual business days; without what the site has closed, and on the
    weekdays on which it is open."""
    here = [each for each in known if each.country == site.country and each.region in (None, site.region)]
    found = max(here, key=lambda each: (each.region is not None, each.id), default=None)
    usual = usual_calendar(site.country, site.region, site.time_zone, _OFFICE_HOURS)
    data = found.data(site.time_zone) if found else usual
    windows = _while_open(data.windows, site.opening_hours)
    return calendar(data.model_copy(update={"windows": windows, "closed": (*data.closed, *_named(closed))}))


def _named(days: list[NamedDay] | None) -> tuple[NamedDate, ...]:
    return tuple(NamedDate(date=each.date, name=each.name) for each in days or [])


def _while_open(windows: tuple[WeeklyWindow, ...], hours: list[OpeningHours]) -> tuple[WeeklyWindow, ...]:
    """A parcel finds nobody on a weekday on which the site is closed; a site that is open on none of them changes nothing."""
    open_on = {day for each in hours for day in each.weekdays}
    kept = [(each, tuple(day for day in each.weekdays if day in open_on)) for each in windows]
    narrowed = tuple(each.model_copy(update={"weekdays": days}) for each, days in kept if days)
    return narrowed or windows
