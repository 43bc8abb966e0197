"""Where things are, and how long the way takes."""

import math
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from libs.kit.names import Found
from libs.store import Entity
from services.onsite.model.policy import OnsitePolicy

# mean radius, IUGG
_EARTH_KM = 6371.0088


class Location(BaseModel):
    """A point on the earth, in degrees (WGS 84)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Place(Found, Entity, table="places", unique=(("country", "name_key"),), indexes=(("sort_key", "id"),)):
    """A city on our map: a site is told to us by its address alone."""

    country: str
    name: str
    name_key: str
    latitude: float
    longitude: float
    created_at: datetime

    @property
    def location(self) -> Location:
        """The middle of the city."""
        return Location(latitude=self.latitude, longitude=self.longitude)


def kilometres(a: Location, b: Location) -> float:
    """The great-circle distance (haversine)."""
    lat_a, lat_b = math.radians(a.latitude), math.radians(b.latitude)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b.longitude - a.longitude) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def travel_time(a: Location | None, b: Location | None, policy: OnsitePolicy) -> timedelta:
    """How long the way is allowed to take, in whole minutes."""
    if a is None or b is None:
        return timedelta(minutes=policy.travel_unknown_minutes)
    minutes = kilometres(a, b) * policy.travel_detour / policy.travel_kmh * 60
    return timedelta(minutes=max(policy.travel_minimum_minutes, math.ceil(minutes)))
