"""Depots, lanes and calendars as they are."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from libs.events.values import CountryCode, Money
from libs.kit.auth import DEPOT_READERS
from libs.kit.calendar import CalendarData
from libs.kit.http import Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from services.rma.model.business_calendar import BusinessCalendar
from services.rma.model.depot import Depot, Lane

router = Router(tags=["network"])


class DepotOut(BaseModel):
    """A store of parts. Its `cut_off`, where it has one, stands before the policy's."""

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


class LaneOut(BaseModel):
    """How long, by what hour, and for how much a carrier goes from a depot to a country or region."""

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


class CalendarOut(BaseModel):
    """Working days and hours of a depot, or of a destination where it names a country."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    country: str | None
    region: str | None
    data: CalendarData
    edited_by: str
    edited_because: str
    edited_at: datetime
    revision: int


@router.get("/v1/depots", dependencies=[allow(*DEPOT_READERS)])
async def list_depots(tx: Tx, paging: Paging, country: CountryCode | None = None) -> Page[DepotOut]:
    """By code."""
    where: list[sa.ColumnElement[bool]] = [Depot.c.country == country] if country else []
    if after := paging.after(str):
        where.append(Depot.c.code > after[0])
    found = await tx.select(Depot, *where, order_by=(Depot.c.code,), limit=paging.limit + 1)
    return page([DepotOut.model_validate(each) for each in found], paging.limit, lambda depot: (depot.code,))


@router.get("/v1/depots/{depot_id}", dependencies=[allow(*DEPOT_READERS)])
async def get_depot(depot_id: UUID, tx: Tx) -> DepotOut:
    """One depot."""
    return DepotOut.model_validate(await Depot.get(depot_id, tx))


@router.get("/v1/lanes", dependencies=[allow(*DEPOT_READERS)])
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


@router.get("/v1/lanes/{lane_id}", dependencies=[allow(*DEPOT_READERS)])
async def get_lane(lane_id: UUID, tx: Tx) -> LaneOut:
    """One lane."""
    return LaneOut.model_validate(await Lane.get(lane_id, tx))


@router.get("/v1/calendars", dependencies=[allow(*DEPOT_READERS)])
async def list_calendars(tx: Tx, paging: Paging, country: CountryCode | None = None) -> Page[CalendarOut]:
    """By name."""
    where: list[sa.ColumnElement[bool]] = [BusinessCalendar.c.country == country] if country else []
    if after := paging.after(str):
        where.append(BusinessCalendar.c.name > after[0])
    found = await tx.select(BusinessCalendar, *where, order_by=(BusinessCalendar.c.name,), limit=paging.limit + 1)
    return page([CalendarOut.model_validate(each) for each in found], paging.limit, lambda each: (each.name,))


@router.get("/v1/calendars/{calendar_id}", dependencies=[allow(*DEPOT_READERS)])
async def get_calendar(calendar_id: UUID, tx: Tx) -> CalendarOut:
    """One calendar."""
    return CalendarOut.model_validate(await BusinessCalendar.get(calendar_id, tx))
