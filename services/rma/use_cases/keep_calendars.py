"""Calendars: add one, edit one, read them. An edit (Tết, a flood) forecasts every open promise again."""

from uuid import UUID

from libs.events.values import CountryCode
from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Line, Reason, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.twins import refuse_twin
from libs.store.ids import new_id
from services.rma.model.business_calendar import BusinessCalendar, CalendarInUse
from services.rma.queries.network import CalendarOut
from services.rma.reactions.renew_promise import renew_every_open_promise

router = Router(tags=["calendars"])


class AddCalendar(Command):
    """With a country it is the calendar of destinations there; a depot names its calendar by id."""

    name: Line
    country: CountryCode | None = None
    region: Word | None = None
    data: CalendarData


class EditCalendar(Command):
    data: CalendarData
    why: Reason


@router.post("/v1/calendars", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_calendar_route(cmd: AddCalendar, tx: Tx) -> CalendarOut:
    """Raises CalendarInUse when the country or region has one, ThereAlready for a name in use."""
    here = (BusinessCalendar.c.country == cmd.country, BusinessCalendar.c.region.is_not_distinct_from(cmd.region))
    if cmd.country and (other := await tx.first(BusinessCalendar, *here)):
        raise CalendarInUse(f"{other.name} is the calendar there; edit it.", calendar_id=str(other.id))
    await refuse_twin(BusinessCalendar, tx, name=cmd.name)
    added = BusinessCalendar(
        id=new_id(),
        name=cmd.name,
        country=cmd.country,
        region=cmd.region,
        data=cmd.data,
        edited_by=tx.scope.actor,
        edited_because="added",
        edited_at=tx.now,
    )
    await renew_every_open_promise(tx, "calendar")
    return CalendarOut.model_validate(tx.add(added))


@router.patch("/v1/calendars/{calendar_id}", dependencies=[allow(*MANAGERS)])
async def edit_calendar_route(calendar_id: UUID, cmd: EditCalendar, tx: Tx) -> CalendarOut:
    found = await BusinessCalendar.get(calendar_id, tx, lock=True)
    found.data = cmd.data
    found.edited_by, found.edited_because, found.edited_at = tx.scope.actor, cmd.why, tx.now
    await renew_every_open_promise(tx, "calendar")
    return CalendarOut.model_validate(found)
