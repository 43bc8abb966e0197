"""A cloud partner: what it permits, how it is reached, and whom we call when it is silent."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from libs.events.values import Instant, PartnerContact
from libs.kit.names import Found
from libs.kit.problems import Unprocessable
from libs.store import Entity

REFUSED, TRY_AGAIN = "credentials_refused", "try_credentials"
"""Its timers: a call of ours was not let in; what waits for that is tried again."""
ConnectorKind = Literal["tmf621", "manual"]
Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 30)]


class ConnectorIncomplete(Unprocessable):
    """A connector that calls needs somewhere to call."""


class NotALevel(Unprocessable):
    """The partner's procedure has no such level."""


class Level(BaseModel):
    """One level of the escalation procedure agreed with the partner; the first in the list is level 1."""

    contact: PartnerContact
    response_minutes: Minutes


class PartnerChange(BaseModel):
    """One entry of a partner's history: what was changed and why, when and by whom."""

    at: Instant
    by: str
    what: str


class Partner(Found, Entity, table="partners", unique=("code",), indexes=(("sort_key", "id"),)):
    """Its row is the lock on what its engagements may do: who decides or changes that locks it first.

    `contact` is whom a customer turns to. `response_minutes`: for a first answer. `search_by`: the parameter by which their search takes
    our reference, where they do not know TMF630's filter. `ticket_page`: where people read a ticket, with `{ticket}` for its number. `credentials_refused_at`: since then they do not let us in.
    """

    searched = ("code", "name")

    code: str
    name: str
    approved_strategic: bool
    permits_direct_work: bool
    requires_agreement: bool
    products: list[str]
    environments: list[str]
    contact: PartnerContact
    response_minutes: int
    procedure: list[Level]
    connector: ConnectorKind
    base_url: str | None
    search_by: str | None = None
    ticket_page: str | None = None
    sealed_credentials: str | None
    credentials_refused_at: datetime | None = None
    history: list[PartnerChange]
    created_at: datetime

    @property
    def has_credentials(self) -> bool:
        """Whether it gave us any; what they are is never shown."""
        return self.sealed_credentials is not None

    def page_of(self, number: str) -> str | None:
        """Where people read a ticket of theirs, if they have such pages."""
        return self.ticket_page and self.ticket_page.replace("{ticket}", quote(number, safe=""))

    def must_be_complete(self) -> None:
        """Raises ConnectorIncomplete."""
        if self.connector == "tmf621" and not self.base_url:
            raise ConnectorIncomplete("The tmf621 connector needs base_url.", connector=self.connector)

    def at_level(self, level: int) -> Level:
        """The level of the procedure, counted from 1. Raises NotALevel."""
        if level > len(self.procedure):
            raise NotALevel("The partner's procedure has no such level.", levels=len(self.procedure))
        return self.procedure[level - 1]

    def answer_within(self, level: int) -> timedelta:
        """How long the partner has for an answer after `level` was called; 0 is the first line.

        A procedure that has become shorter since then answers as its last level does.
        """
        called = self.procedure[:level]
        return timedelta(minutes=called[-1].response_minutes if called else self.response_minutes)
