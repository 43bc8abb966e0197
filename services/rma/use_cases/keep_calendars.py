"""Depots' calendars: add one, edit one, read them. An edit (Tết, a flood) forecasts every open promise again."""

from typing import Any
from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Line, Reason
from libs.kit.http import Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from services.rma.model.depot_calendar import DepotCalendar
from services.rma.queries.network import CalendarOut
from services.rma.reactions.renew_promise import renew_every_open_promise

router = Router(tags=["calendars"])


class CreateCalendar(New):
    """A depot names it by id."""

    name: Line
    data: CalendarData


class ChangeCalendar(Patch, needs=("data", "why")):
    """All of its working days, and why they are others now."""

    data: CalendarData
    why: Reason


@router.post("/v1/depot-calendars", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_depot_calendar_route(cmd: CreateCalendar, tx: Tx) -> CalendarOut:
    """Raises ThereAlready for a name in use."""
    await refuse_twin(DepotCalendar, tx, name=cmd.name)
    edited: dict[str, Any] = {"edited_by": tx.scope.actor, "edited_because": "added", "edited_at": tx.now}
    return CalendarOut.model_validate(cmd.make(DepotCalendar, tx, **edited))


@router.patch("/v1/depot-calendars/{calendar_id}", dependencies=[allow(*MANAGERS)])
async def change_depot_calendar_route(calendar_id: UUID, cmd: ChangeCalendar, tx: Tx) -> CalendarOut:
    """Every open promise is forecast again."""
    found = await DepotCalendar.get(calendar_id, tx, lock=True)
    if cmd.apply_to(found):
        found.edited_by, found.edited_because, found.edited_at = tx.scope.actor, cmd.why, tx.now
        await renew_every_open_promise(tx, "calendar")
    return CalendarOut.model_validate(found)
