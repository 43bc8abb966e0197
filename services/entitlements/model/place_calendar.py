"""The business days of a country, or of a region of it, where they are other than everybody knows: a flood, a day in lieu."""

from datetime import datetime

from libs.events.entitlements import CalendarState
from libs.events.values import NamedDay, WeeklyHours
from libs.kit.calendar import CalendarData
from libs.kit.names import Found
from libs.kit.problems import Conflict
from libs.store import Entity


class CalendarInUse(Conflict):
    title = "Another calendar is the place's already"


class PlaceCalendar(Found, Entity, table="place_calendars", indexes=("country", ("sort_key", "id")), unique=("name",)):
    """Of a country, more so with a region. A site has closed days of its own besides."""

    tells = CalendarState

    name: str
    country: str
    region: str | None
    data: CalendarData
    edited_by: str
    edited_because: str
    edited_at: datetime

    def as_state(self) -> CalendarState:
        """As parts and visits go by it, each on the clock of the site."""
        data = self.data
        return CalendarState(
            country=self.country,
            region=self.region,
            windows=[WeeklyHours(weekdays=list(w.weekdays), opens=w.opens, closes=w.closes) for w in data.windows],
            holidays_country=data.holidays_country,
            holidays_subdivision=data.holidays_subdivision,
            closed=[NamedDay(date=each.date, name=each.name) for each in data.closed],
            working=[NamedDay(date=each.date, name=each.name) for each in data.working],
        )
