"""Reads: technicians and the map."""

import json
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import JSONB

from libs.events.values import CountryCode
from libs.kit.auth import STAFF
from libs.kit.calendar import WeeklyWindow
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.rows import visible
from services.onsite.model.places import Location, Place
from services.onsite.model.technician import Absence, Authorisation, Technician, Territory
from services.onsite.queries.access import visible_to

router = Router(tags=["technicians"])


class TechnicianOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
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


class PlaceOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    country: str
    name: str
    latitude: float
    longitude: float


@router.get("/v1/technicians", dependencies=[allow(*STAFF, "technician")])
async def list_technicians(
    tx: Tx, caller: Caller, paging: Paging, active: bool | None = None, family: Word | None = None
) -> Page[TechnicianOut]:
    """By age of the record."""
    where = visible_to(caller, Technician)
    where += [] if active is None else [Technician.c.active.is_(active)]
    if after := paging.after(datetime, UUID):
        where.append(sa.tuple_(Technician.c.created_at, Technician.c.id) > after)
    if family is not None:
        wanted = sa.cast(sa.literal(json.dumps([{"family": family}])), JSONB)
        where.append(Technician.c.authorisations.contains(wanted))
    found = await tx.select(
        Technician, *where, order_by=(Technician.c.created_at, Technician.c.id), limit=paging.limit + 1
    )
    shown = page(found, paging.limit, lambda technician: (technician.created_at, technician.id))
    items = [TechnicianOut.model_validate(technician) for technician in shown.items]
    return Page(items=items, next_cursor=shown.next_cursor)


@router.get("/v1/technicians/{technician_id}", dependencies=[allow(*STAFF, "technician")])
async def get_technician(technician_id: UUID, tx: Tx, caller: Caller) -> TechnicianOut:
    rows = visible_to(caller, Technician)
    return TechnicianOut.model_validate(await visible(Technician, technician_id, rows, tx))


@router.get("/v1/places", dependencies=[allow(*STAFF)])
async def list_places(tx: Tx, paging: Paging, country: CountryCode | None = None) -> Page[PlaceOut]:
    where = [] if country is None else [Place.c.country == country]
    if after := paging.after(datetime, UUID):
        where.append(sa.tuple_(Place.c.created_at, Place.c.id) > after)
    found = await tx.select(Place, *where, order_by=(Place.c.created_at, Place.c.id), limit=paging.limit + 1)
    shown = page(found, paging.limit, lambda place: (place.created_at, place.id))
    return Page(items=[PlaceOut.model_validate(p) for p in shown.items], next_cursor=shown.next_cursor)


@router.get("/v1/places/{place_id}", dependencies=[allow(*STAFF)])
async def get_place(place_id: UUID, tx: Tx) -> PlaceOut:
    return PlaceOut.model_validate(await Place.get(place_id, tx))
