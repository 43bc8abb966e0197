"""Reads: technicians and the map."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from libs.events.values import CountryCode
from libs.kit.auth import STAFF
from libs.kit.calendar import WeeklyWindow
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, contains, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.rows import visible
from services.onsite.model.places import Location, Place
from services.onsite.model.technician import Absence, Authorisation, Technician, Territory
from services.onsite.queries.access import technicians_visible_to

router = Router(tags=["technicians"])


class TechnicianOut(Out):
    id: UUID
    name: str
    person_id: UUID | None
    email: str | None
    phone: str | None
    authorisations: list[Authorisation]
    skills: list[str]
    territories: list[Territory]
    hours: list[WeeklyWindow]
    time_zone: str
    holidays_country: str | None
    absences: list[Absence]
    home: Location | None
    active: bool


class PlaceOut(Out):
    id: UUID
    country: str
    name: str
    latitude: float
    longitude: float


class TechnicianList(Listing):
    q: Words = None
    active: bool | None = None
    family: Word | None = None
    sort: str = order("created_at", "name")


class PlaceList(Listing):
    q: Words = None
    country: CountryCode | None = None
    sort: str = order("created_at", "name")


@router.get("/v1/technicians", dependencies=[allow(*STAFF, "technician")])
async def list_technicians_route(
    tx: Tx, caller: Caller, asked: Annotated[TechnicianList, Query()]
) -> Page[TechnicianOut]:
    """By age of the record."""
    rows = technicians_visible_to(caller)
    if asked.family is not None:
        rows.append(contains(Technician.c.authorisations, [{"family": asked.family}]))
    return await listed(tx, Technician, asked, rows, out=TechnicianOut.model_validate)


@router.get("/v1/technicians/{technician_id}", dependencies=[allow(*STAFF, "technician")])
async def get_technician_route(technician_id: UUID, tx: Tx, caller: Caller) -> TechnicianOut:
    rows = technicians_visible_to(caller)
    return TechnicianOut.model_validate(await visible(Technician, technician_id, rows, tx))


@router.get("/v1/places", dependencies=[allow(*STAFF)])
async def list_places_route(tx: Tx, asked: Annotated[PlaceList, Query()]) -> Page[PlaceOut]:
    return await listed(tx, Place, asked, out=PlaceOut.model_validate)


@router.get("/v1/places/{place_id}", dependencies=[allow(*STAFF)])
async def get_place_route(place_id: UUID, tx: Tx) -> PlaceOut:
    return PlaceOut.model_validate(await Place.get(place_id, tx))
