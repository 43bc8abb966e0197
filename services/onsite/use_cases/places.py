"""The map: where the cities of our sites are."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from libs.events.values import CountryCode
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.store.ids import new_id
from services.onsite.model.places import Place, name_key

router = Router(tags=["places"])
_SEEN_BY = allow("engineer", "manager", "technician", "ops", "admin")


class AddPlace(Command):
    id: UUID | None = None
    country: CountryCode
    name: str = Field(min_length=1, max_length=200)
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class MovePlace(Command):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class PlaceOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    country: str
    name: str
    latitude: float
    longitude: float


@router.post("/v1/places", status_code=201, dependencies=[allow("manager", "admin")])
async def add_place_route(cmd: AddPlace, tx: Tx) -> PlaceOut:
    """A city that is there already under this name → 409."""
    place = Place(
        id=cmd.id or new_id(), country=cmd.country, name=cmd.name, name_key=name_key(cmd.name), latitude=cmd.latitude,
        longitude=cmd.longitude, created_at=tx.now,
    )  # fmt: skip
    return PlaceOut.model_validate(tx.add(place))


@router.patch("/v1/places/{place_id}", dependencies=[allow("manager", "admin")])
async def move_place_route(place_id: UUID, cmd: MovePlace, tx: Tx) -> PlaceOut:
    place = await Place.get(place_id, tx, lock=True)
    place.latitude, place.longitude = cmd.latitude, cmd.longitude
    return PlaceOut.model_validate(place)


@router.get("/v1/places", dependencies=[_SEEN_BY])
async def list_places(tx: Tx, paging: Paging, country: CountryCode | None = None) -> Page[PlaceOut]:
    where = [] if country is None else [Place.c.country == country]
    if after := paging.after(datetime, UUID):
        where.append(sa.tuple_(Place.c.created_at, Place.c.id) > after)
    found = await tx.select(Place, *where, order_by=(Place.c.created_at, Place.c.id), limit=paging.limit + 1)
    shown = page(found, paging.limit, lambda place: (place.created_at, place.id))
    return Page(items=[PlaceOut.model_validate(p) for p in shown.items], next_cursor=shown.next_cursor)


@router.get("/v1/places/{place_id}", dependencies=[_SEEN_BY])
async def get_place(place_id: UUID, tx: Tx) -> PlaceOut:
    return PlaceOut.model_validate(await Place.get(place_id, tx))
