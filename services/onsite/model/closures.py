"""When nobody is at a site whatever its opening hours say: the business days of places, as entitlements tells them."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import NamedDay, Site, WeeklyHours
from libs.kit.calendar import CalendarData, NamedDate, WeeklyWindow
from libs.kit.calendar_data import usual_calendar
from libs.store import Compiled, Entity, Reference, Transaction


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


class SiteDays(Entity, table="site_days"):
    """A replica of the closed days that a site has of its own."""

    gone: bool = False
    account_id: UUID | None = None
    closed: list[NamedDay] | None = None


def business_days(site: Site, place: PlaceCalendar | None = None, own: Sequence[NamedDay] = ()) -> CalendarData:
    """The calendar of the site's region, else of its country, without one what everybody knows of them; and the site's own closed days.
    Of the windows the weekdays count, where the site tells no hours."""
    if place is None:
        data = usual_calendar(site.country, site.region, "UTC")
    else:
        data = CalendarData(
            time_zone="UTC",
            windows=tuple(WeeklyWindow.model_validate(each.model_dump()) for each in place.windows or []),
            holidays_country=place.holidays_country,
            holidays_subdivision=place.holidays_subdivision,
            closed=_named(place.closed or []),
            working=_named(place.working or []),
        )
    return data.model_copy(update={"closed": (*data.closed, *_named(own))})


def _named(days: Sequence[NamedDay]) -> tuple[NamedDate, ...]:
    return tuple(NamedDate(date=each.date, name=each.name) for each in days)


_PLACES = Compiled(sa.select(PlaceCalendar.table).order_by(PlaceCalendar.c.id))


async def _read(tx: Transaction) -> list[PlaceCalendar]:
    return await tx.read_only(PlaceCalendar, _PLACES)


_places = Reference(_read)


async def business_days_at(site: Site, tx: Transaction) -> CalendarData:
    """As far as they have been told."""
    here = [each for each in await _places(tx) if each.country == site.country and each.region in (None, site.region)]
    days = await SiteDays.find(site.site_id, tx)
    place = max(here, key=lambda each: (each.region is not None, each.id), default=None)
    return business_days(site, place, (days and days.closed) or ())
