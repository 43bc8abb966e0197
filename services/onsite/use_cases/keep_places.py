"""The map: where the cities of our sites are."""

from uuid import UUID

from pydantic import Field

from libs.kit.auth import MANAGERS
from libs.kit.fields import Country, Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.text import name_key
from libs.kit.twins import refuse_twin
from services.onsite.model.places import Place
from services.onsite.queries.master_data import PlaceOut

router = Router(tags=["places"])


class Point(Command):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class CreatePlace(New, Point):
    country: Country
    name: Line


class ChangePlace(Patch, Point, needs=("latitude", "longitude")):
    """It moves; its name and country stay."""


@router.post("/v1/places", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_place_route(cmd: CreatePlace, tx: Tx) -> PlaceOut:
    """A city that is there already under this name → 409."""
    key = name_key(cmd.name)
    await refuse_twin(Place, tx, country=cmd.country, name_key=key)
    return PlaceOut.model_validate(cmd.make(Place, tx, name_key=key))


@router.patch("/v1/places/{place_id}", dependencies=[allow(*MANAGERS)])
async def change_place_route(place_id: UUID, cmd: ChangePlace, tx: Tx) -> PlaceOut:
    place = await Place.get(place_id, tx, lock=True)
    cmd.apply_to(place)
    return PlaceOut.model_validate(place)
