"""The map: where the cities of our sites are."""

from uuid import UUID

from pydantic import Field

from libs.events.values import CountryCode
from libs.kit.auth import MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.text import name_key
from libs.kit.twins import refuse_twin
from libs.store.ids import new_id
from services.onsite.model.places import Place
from services.onsite.queries.master_data import PlaceOut

router = Router(tags=["places"])


class AddPlace(Command):
    country: CountryCode
    name: Line
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class MovePlace(Command):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


@router.post("/v1/places", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_place_route(cmd: AddPlace, tx: Tx) -> PlaceOut:
    """A city that is there already under this name → 409."""
    key = name_key(cmd.name)
    await refuse_twin(Place, tx, country=cmd.country, name_key=key)
    place = Place(
        id=new_id(),
        country=cmd.country,
        name=cmd.name,
        name_key=key,
        latitude=cmd.latitude,
        longitude=cmd.longitude,
        created_at=tx.now,
    )
    return PlaceOut.model_validate(tx.add(place))


@router.patch("/v1/places/{place_id}", dependencies=[allow(*MANAGERS)])
async def move_place_route(place_id: UUID, cmd: MovePlace, tx: Tx) -> PlaceOut:
    place = await Place.get(place_id, tx, lock=True)
    place.latitude, place.longitude = cmd.latitude, cmd.longitude
    return PlaceOut.model_validate(place)
