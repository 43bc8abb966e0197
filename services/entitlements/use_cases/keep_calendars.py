"""Calendars of countries and regions: add one, edit one. An edit (a flood) moves open promises and visits."""

from typing import Any
from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Country, Line, Reason, Word
from libs.kit.http import Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from services.entitlements.model.place_calendar import CalendarInUse, PlaceCalendar
from services.entitlements.queries.calendars import CalendarOut

router = Router(tags=["calendars"])


class CreateCalendar(New):
    """Of a country, or of a region of it; the site's own clock counts."""

    name: Line
    country: Country
    region: Word | None = None
    data: CalendarData


class ChangeCalendar(Patch, needs=("data", "why")):
    """All of its working days, and why they are others now."""

    data: CalendarData
    why: Reason


@router.post("/v1/calendars", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_calendar_route(cmd: CreateCalendar, tx: Tx) -> CalendarOut:
    """Raises CalendarInUse when the country or region has one, ThereAlready for a name in use."""
    here = (PlaceCalendar.c.country == cmd.country, PlaceCalendar.c.region.is_not_distinct_from(cmd.region))
    if other := await tx.first(PlaceCalendar, *here):
        raise CalendarInUse(f"{other.name} is the calendar there; edit it.", calendar_id=str(other.id))
    await refuse_twin(PlaceCalendar, tx, name=cmd.name)
    edited: dict[str, Any] = {"edited_by": tx.scope.actor, "edited_because": "added", "edited_at": tx.now}
    return CalendarOut.model_validate(cmd.make(PlaceCalendar, tx, **edited))


@router.patch("/v1/calendars/{calendar_id}", dependencies=[allow(*MANAGERS)])
async def change_calendar_route(calendar_id: UUID, cmd: ChangeCalendar, tx: Tx) -> CalendarOut:
    """What is planned there is planned anew."""
    found = await PlaceCalendar.get(calendar_id, tx, lock=True)
    if cmd.apply_to(found):
        found.edited_by, found.edited_because, found.edited_at = tx.scope.actor, cmd.why, tx.now
    return CalendarOut.model_validate(found)
