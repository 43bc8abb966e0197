"""A site: where products stand, parts are shipped to and technicians go."""

from dataclasses import field
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import model_validator

from libs.events import values
from libs.events.entitlements import SiteDaysState, SiteState
from libs.events.values import NamedDay, OpeningHours
from libs.kit.calendar import NamedDate
from libs.kit.names import Named
from libs.store import Entity, Transaction, UpdatedAt


class OpeningWindow(OpeningHours):
    """Opening hours as a person enters them: they name their weekdays, and open before they close."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.weekdays or self.opens >= self.closes:
            raise ValueError("a window names its weekdays and closes after it opens")
        return self


def refuse_overlaps(hours: list[OpeningWindow]) -> list[OpeningWindow]:
    """Raises ValueError when two windows of one day overlap: a visit would be planned twice into them."""
    for weekday in range(7):
        spans = sorted((window.opens, window.closes) for window in hours if weekday in window.weekdays)
        if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
            raise ValueError(f"two windows of weekday {weekday} overlap")
    return hours


class Site(
    Named,
    Entity,
    table="sites",
    indexes=(
        ("account_id", "id"),
        ("country", "id"),
        "contact_id",
        ("sort_key", "id"),
        ("account_id", "sort_key", "id"),
        ("country", "sort_key", "id"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
):
    tells = SiteState

    account_id: UUID
    name: str
    address_lines: list[str]
    city: str
    region: str | None
    postal_code: str | None
    country: str
    time_zone: str
    opening_hours: list[OpeningWindow]
    access_notes: str | None
    contact_id: UUID | None
    # What no other place shares.
    closed: Annotated[list[NamedDate], sa.DefaultClause("[]")] = field(default_factory=list)
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)

    def facts(self) -> values.Site:
        """What events say of it."""
        return values.Site(
            site_id=self.id,
            revision=self.record_version,
            city=self.city,
            region=self.region,
            country=self.country,
            time_zone=self.time_zone,
            opening_hours=[OpeningHours(**window.model_dump()) for window in self.opening_hours],
        )

    def tell_days(self, tx: Transaction) -> None:
        """Where it lies and when it is open, for parts and visits."""
        days = SiteDaysState(
            account_id=self.account_id,
            city=self.city,
            region=self.region,
            country=self.country,
            time_zone=self.time_zone,
            opening_hours=[OpeningHours(**window.model_dump()) for window in self.opening_hours],
            closed=[NamedDay(date=each.date, name=each.name) for each in self.closed],
        )
        tx.publish_state(SiteDaysState, days, key=self.id, account_id=self.account_id)

    def as_state(self) -> SiteState:
        """What its facts do not say."""
        return SiteState(
            account_id=self.account_id,
            name=self.name,
            address_lines=self.address_lines,
            postal_code=self.postal_code,
            country=self.country,
            access_notes=self.access_notes,
        )
