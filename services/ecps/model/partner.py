"""A cloud partner: what it permits, how it is reached, and up whom we go when it is silent."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from libs.events.values import Instant, PartnerContact
from libs.kit.problems import Unprocessable
from libs.store import Entity

ConnectorKind = Literal["tmf621", "manual"]
Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 30)]


class ConnectorIncomplete(Unprocessable):
    """A connector that calls needs somewhere to call."""


class Level(BaseModel):
    """One level of the escalation procedure established with the partner; the first in the list is level 1."""

    contact: PartnerContact
    response_minutes: Minutes


class Change(BaseModel):
    """Who changed what, when."""

    at: Instant
    by: str
    what: str


class Partner(Entity, table="partners", unique=("code",)):
    """Its row is the lock on what its engagements may do: who decides or changes that locks it first."""

    code: str
    name: str
    approved_strategic: bool
    permits_direct_work: bool
    requires_agreement: bool
    products: list[str]
    environments: list[str]
    contact: PartnerContact  # whom a customer turns to
    response_minutes: int
    procedure: list[Level]
    connector: ConnectorKind
    base_url: str | None
    sealed_credentials: str | None
    history: list[Change]
    created_at: datetime

    @property
    def has_credentials(self) -> bool:
        return self.sealed_credentials is not None

    def complete(self) -> None:
        """Raises ConnectorIncomplete."""
        if self.connector == "tmf621" and not self.base_url:
            raise ConnectorIncomplete("The tmf621 connector needs base_url.", connector=self.connector)

    def answer_within(self, level: int) -> timedelta:
        """How long the partner has for an answer after `level` was called; 0 is the first line."""
        if level == 0:
            return timedelta(minutes=self.response_minutes)
        return timedelta(minutes=self.procedure[level - 1].response_minutes)
