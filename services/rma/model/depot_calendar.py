"""Working days and hours of depots, as data."""

from datetime import datetime
from uuid import UUID

from libs.kit.calendar import CalendarData
from libs.kit.names import Found
from libs.store import Entity


class DepotCalendar(
    Found, Entity, table="calendars", indexes=("country", ("sort_key", "id")), unique=("name",), reference=True
):
    """A depot names its own by id; several may share one."""

    name: str
    data: CalendarData
    edited_by: str
    edited_because: str
    edited_at: datetime
    # Of before, when destinations' stood here too; nothing reads them.
    country: str | None = None
    region: str | None = None


def by_id(id: UUID, known: list[DepotCalendar]) -> DepotCalendar | None:
    """The calendar with this id."""
    return next((each for each in known if each.id == id), None)
