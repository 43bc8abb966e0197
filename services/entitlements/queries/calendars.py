"""Calendars of places as they are."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from libs.events.values import CountryCode
from libs.kit.auth import DEPOT_READERS
from libs.kit.calendar import CalendarData
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.entitlements.model.place_calendar import PlaceCalendar

router = Router(tags=["calendars"])


class CalendarOut(Out):
    """Working days and hours of a country, or of a region of it."""

    id: UUID
    name: str
    country: str
    region: str | None
    data: CalendarData
    edited_by: str
    edited_because: str
    edited_at: datetime
    revision: int


class CalendarList(Listing):
    """Calendars, by name."""

    q: Words = None
    country: CountryCode | None = None
    sort: str = order("name")


@router.get("/v1/calendars", dependencies=[allow(*DEPOT_READERS)])
async def list_calendars_route(tx: Tx, asked: Annotated[CalendarList, Query()]) -> Page[CalendarOut]:
    """By name."""
    return await listed(tx, PlaceCalendar, asked, out=CalendarOut.model_validate)


@router.get("/v1/calendars/{calendar_id}", dependencies=[allow(*DEPOT_READERS)])
async def get_calendar_route(calendar_id: UUID, tx: Tx) -> CalendarOut:
    """One calendar."""
    return CalendarOut.model_validate(await PlaceCalendar.get(calendar_id, tx))
