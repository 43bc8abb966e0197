"""Depots and lanes: add one, change one, read them. A change forecasts every open promise again."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from libs.events.values import CountryCode, Money, TimeOfDay
from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, Short, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.kit.twins import refuse_twin
from libs.store.ids import new_id
from services.rma.model.business_calendar import BusinessCalendar
from services.rma.model.depot import Depot, Lane
from services.rma.queries.network import DepotOut, LaneOut
from services.rma.reactions.renew_promise import renew_every_open_promise

router = Router(tags=["depots"])
Nights = Annotated[int, Field(ge=0, le=60)]


class UnknownReference(Unprocessable):
    title = "It refers to something unknown"


class AddDepot(Command):
    code: Annotated[Word, Field(max_length=20)]
    name: Line
    country: CountryCode
    region: Word | None = None
    city: Short = ""
    postal_code: Word | None = None
    address_lines: list[Line] = Field([], max_length=6)
    phone: Word | None = None
    calendar_id: UUID
    cut_off: TimeOfDay | None = None


class ChangeDepot(Command):
    """Only what is given changes; a cut-off of null follows the policy again."""

    name: Line = ""
    address_lines: list[Line] = Field([], max_length=6)
    phone: Word | None = None
    calendar_id: UUID = UUID(int=0)
    cut_off: TimeOfDay | None = None
    active: bool = True


class AddLane(Command):
    depot_id: UUID
    country: CountryCode
    region: Word | None = None
    transit_days: Nights
    delivers_by: TimeOfDay = "12:00"
    cost: Money
    carrier: Line
    service: Line = "next_business_day"


class ChangeLane(Command):
    """Only what is given changes."""

    transit_days: Nights = 0
    delivers_by: TimeOfDay = "12:00"
    cost: Money | None = None
    active: bool = True


@router.post("/v1/depots", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_depot_route(cmd: AddDepot, tx: Tx) -> DepotOut:
    await refuse_twin(Depot, tx, code=cmd.code)
    await _know_calendar(cmd.calendar_id, tx)
    fields: dict[str, Any] = dict(cmd) | {"id": new_id(), "active": True}
    return DepotOut.model_validate(tx.add(Depot(**fields)))


@router.patch("/v1/depots/{depot_id}", dependencies=[allow(*MANAGERS)])
async def change_depot_route(depot_id: UUID, cmd: ChangeDepot, tx: Tx) -> DepotOut:
    depot = await Depot.get(depot_id, tx, lock=True)
    if "calendar_id" in cmd.model_fields_set:
        await _know_calendar(cmd.calendar_id, tx)
    for name in cmd.model_fields_set:
        setattr(depot, name, getattr(cmd, name))
    await renew_every_open_promise(tx, "network")
    return DepotOut.model_validate(depot)


@router.post("/v1/lanes", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_lane_route(cmd: AddLane, tx: Tx) -> LaneOut:
    if await Depot.find(cmd.depot_id, tx) is None:
        raise UnknownReference(f"There is no depot {cmd.depot_id}.")
    fields: dict[str, Any] = dict(cmd) | {"id": new_id(), "active": True}
    await renew_every_open_promise(tx, "network")
    return LaneOut.model_validate(tx.add(Lane(**fields)))


@router.patch("/v1/lanes/{lane_id}", dependencies=[allow(*MANAGERS)])
async def change_lane_route(lane_id: UUID, cmd: ChangeLane, tx: Tx) -> LaneOut:
    lane = await Lane.get(lane_id, tx, lock=True)
    for name in cmd.model_fields_set:
        if (value := getattr(cmd, name)) is not None:
            setattr(lane, name, value)
    await renew_every_open_promise(tx, "network")
    return LaneOut.model_validate(lane)


async def _know_calendar(calendar_id: UUID, tx: Tx) -> None:
    if await BusinessCalendar.find(calendar_id, tx) is None:
        raise UnknownReference(f"There is no calendar {calendar_id}.")
