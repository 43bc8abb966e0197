"""Depots and lanes: add one, change one, read them. A change forecasts every open promise again."""

from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from libs.events.values import CountryCode, Money, TimeOfDay
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.problems import Unprocessable
from libs.store.ids import new_id
from services.rma.model.business_calendar import BusinessCalendar
from services.rma.model.depot import Depot, Lane
from services.rma.queries import STAFF_READERS
from services.rma.use_cases.renew_promise import renew_every_open_promise

router = Router(tags=["depots"])
Text = Annotated[str, Field(min_length=1, max_length=200)]
Nights = Annotated[int, Field(ge=0, le=60)]


class UnknownReference(Unprocessable):
    title = "It refers to something unknown"


class AddDepot(Command):
    id: UUID | None = None
    code: Annotated[str, Field(min_length=1, max_length=20)]
    name: Text
    country: CountryCode
    region: str | None = Field(None, max_length=100)
    city: str = Field("", max_length=100)
    postal_code: str | None = Field(None, max_length=20)
    address_lines: list[Text] = Field([], max_length=6)
    phone: str | None = Field(None, max_length=40)
    calendar_id: UUID
    cut_off: TimeOfDay | None = None


class ChangeDepot(Command):
    """Only what is given changes; a cut-off of null follows the policy again."""

    name: Text = ""
    address_lines: list[Text] = Field([], max_length=6)
    phone: str | None = Field(None, max_length=40)
    calendar_id: UUID = UUID(int=0)
    cut_off: TimeOfDay | None = None
    active: bool = True


class DepotOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    name: str
    country: str
    region: str | None
    city: str
    postal_code: str | None
    address_lines: list[str]
    phone: str | None
    calendar_id: UUID
    cut_off: str | None
    active: bool
    revision: int


class AddLane(Command):
    id: UUID | None = None
    depot_id: UUID
    country: CountryCode
    region: str | None = Field(None, max_length=100)
    transit_days: Nights
    delivers_by: TimeOfDay = "12:00"
    cost: Money
    carrier: Text
    service: Text = "next_business_day"


class ChangeLane(Command):
    """Only what is given changes."""

    transit_days: Nights = 0
    delivers_by: TimeOfDay = "12:00"
    cost: Money | None = None
    active: bool = True


class LaneOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    depot_id: UUID
    country: str
    region: str | None
    transit_days: int
    delivers_by: str
    cost: Money
    carrier: str
    service: str
    active: bool
    revision: int


@router.post("/v1/depots", status_code=201, dependencies=[allow("admin", "manager")])
async def add_depot_route(cmd: AddDepot, tx: Tx) -> DepotOut:
    await _know_calendar(cmd.calendar_id, tx)
    fields: dict[str, Any] = dict(cmd) | {"id": cmd.id or new_id(), "active": True}
    return DepotOut.model_validate(tx.add(Depot(**fields)))


@router.patch("/v1/depots/{depot_id}", dependencies=[allow("admin", "manager")])
async def change_depot_route(depot_id: UUID, cmd: ChangeDepot, tx: Tx) -> DepotOut:
    depot = await Depot.get(depot_id, tx, lock=True)
    if "calendar_id" in cmd.model_fields_set:
        await _know_calendar(cmd.calendar_id, tx)
    for name in cmd.model_fields_set:
        setattr(depot, name, getattr(cmd, name))
    await renew_every_open_promise(tx, "network")
    return DepotOut.model_validate(depot)


@router.get("/v1/depots", dependencies=[allow(*STAFF_READERS)])
async def list_depots(tx: Tx, paging: Paging, country: CountryCode | None = None) -> Page[DepotOut]:
    where: list[sa.ColumnElement[bool]] = [Depot.c.country == country] if country else []
    if after := paging.after(str):
        where.append(Depot.c.code > after[0])
    found = await tx.select(Depot, *where, order_by=(Depot.c.code,), limit=paging.limit + 1)
    return page([DepotOut.model_validate(each) for each in found], paging.limit, lambda depot: (depot.code,))


@router.get("/v1/depots/{depot_id}", dependencies=[allow(*STAFF_READERS)])
async def get_depot(depot_id: UUID, tx: Tx) -> DepotOut:
    return DepotOut.model_validate(await Depot.get(depot_id, tx))


@router.post("/v1/lanes", status_code=201, dependencies=[allow("admin", "manager")])
async def add_lane_route(cmd: AddLane, tx: Tx) -> LaneOut:
    if await tx.find(Depot, cmd.depot_id) is None:
        raise UnknownReference(f"There is no depot {cmd.depot_id}.")
    fields: dict[str, Any] = dict(cmd) | {"id": cmd.id or new_id(), "active": True}
    return LaneOut.model_validate(tx.add(Lane(**fields)))


@router.patch("/v1/lanes/{lane_id}", dependencies=[allow("admin", "manager")])
async def change_lane_route(lane_id: UUID, cmd: ChangeLane, tx: Tx) -> LaneOut:
    lane = await Lane.get(lane_id, tx, lock=True)
    for name in cmd.model_fields_set:
        if (value := getattr(cmd, name)) is not None:
            setattr(lane, name, value)
    await renew_every_open_promise(tx, "network")
    return LaneOut.model_validate(lane)


@router.get("/v1/lanes", dependencies=[allow(*STAFF_READERS)])
async def list_lanes(
    tx: Tx, paging: Paging, depot_id: UUID | None = None, country: CountryCode | None = None
) -> Page[LaneOut]:
    where: list[sa.ColumnElement[bool]] = []
    where += [Lane.c.depot_id == depot_id] if depot_id else []
    where += [Lane.c.country == country] if country else []
    if after := paging.after(UUID):
        where.append(Lane.c.id > after[0])
    found = await tx.select(Lane, *where, order_by=(Lane.c.id,), limit=paging.limit + 1)
    return page([LaneOut.model_validate(each) for each in found], paging.limit, lambda lane: (lane.id,))


@router.get("/v1/lanes/{lane_id}", dependencies=[allow(*STAFF_READERS)])
async def get_lane(lane_id: UUID, tx: Tx) -> LaneOut:
    return LaneOut.model_validate(await Lane.get(lane_id, tx))


async def _know_calendar(calendar_id: UUID, tx: Tx) -> None:
    if await tx.find(BusinessCalendar, calendar_id) is None:
        raise UnknownReference(f"There is no calendar {calendar_id}.")
