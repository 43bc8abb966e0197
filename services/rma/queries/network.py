"""Depots, lanes and calendars as they are."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from libs.events.values import CountryCode, Money
from libs.kit.auth import DEPOT_READERS
from libs.kit.calendar import CalendarData
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.rma.model.depot import Depot, Lane
from services.rma.model.depot_calendar import DepotCalendar

router = Router(tags=["network"])


class DepotOut(Out):
    """A store of parts. Its `cut_off`, where it has one, stands before the policy's."""

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


class LaneOut(Out):
    """How long, by what hour, and for how much a carrier goes from a depot to a country or region."""

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


class CalendarOut(Out):
    """Working days and hours of a depot."""

    id: UUID
    name: str
    data: CalendarData
    edited_by: str
    edited_because: str
    edited_at: datetime
    revision: int


class DepotList(Listing):
    """Depots, by code."""

    q: Words = None
    country: CountryCode | None = None
    sort: str = order("code", "name")


class LaneList(Listing):
    """Lanes, of a depot or to a country."""

    depot_id: UUID | None = None
    country: CountryCode | None = None


class CalendarList(Listing):
    """Calendars, by name."""

    q: Words = None
    sort: str = order("name")


@router.get("/v1/depots", dependencies=[allow(*DEPOT_READERS)])
async def list_depots_route(tx: Tx, asked: Annotated[DepotList, Query()]) -> Page[DepotOut]:
    """By code."""
    return await listed(tx, Depot, asked, out=DepotOut.model_validate)


@router.get("/v1/depots/{depot_id}", dependencies=[allow(*DEPOT_READERS)])
async def get_depot_route(depot_id: UUID, tx: Tx) -> DepotOut:
    """One depot."""
    return DepotOut.model_validate(await Depot.get(depot_id, tx))


@router.get("/v1/lanes", dependencies=[allow(*DEPOT_READERS)])
async def list_lanes_route(tx: Tx, asked: Annotated[LaneList, Query()]) -> Page[LaneOut]:
    """In the order in which they were made."""
    return await listed(tx, Lane, asked, out=LaneOut.model_validate)


@router.get("/v1/lanes/{lane_id}", dependencies=[allow(*DEPOT_READERS)])
async def get_lane_route(lane_id: UUID, tx: Tx) -> LaneOut:
    """One lane."""
    return LaneOut.model_validate(await Lane.get(lane_id, tx))


@router.get("/v1/depot-calendars", dependencies=[allow(*DEPOT_READERS)])
async def list_depot_calendars_route(tx: Tx, asked: Annotated[CalendarList, Query()]) -> Page[CalendarOut]:
    """By name."""
    return await listed(tx, DepotCalendar, asked, out=CalendarOut.model_validate)


@router.get("/v1/depot-calendars/{calendar_id}", dependencies=[allow(*DEPOT_READERS)])
async def get_depot_calendar_route(calendar_id: UUID, tx: Tx) -> CalendarOut:
    """One calendar."""
    return CalendarOut.model_validate(await DepotCalendar.get(calendar_id, tx))
