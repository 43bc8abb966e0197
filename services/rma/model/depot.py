"""Depots, and the lanes on which carriers go from them to countries and regions."""

from uuid import UUID

from libs.events.values import Money, Site
from libs.kit.names import Found
from libs.store import Entity


class Depot(Found, Entity, table="depots", unique=("code",), indexes=(("sort_key", "id"),), reference=True):
    """A store of parts. Without a cut-off of its own it follows the policy's."""

    searched = ("code", "name")

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


class Lane(Entity, table="lanes", indexes=("depot_id",), reference=True):
    """How long, by what hour of the day of arrival, and for how much a carrier's service goes from a depot to a place."""

    depot_id: UUID
    country: str
    region: str | None
    transit_days: int
    delivers_by: str
    cost: Money
    carrier: str
    service: str
    active: bool

    def serves(self, site: Site) -> bool:
        """Whether the site lies on this lane."""
        return self.active and self.country == site.country and self.region in (None, site.region)
