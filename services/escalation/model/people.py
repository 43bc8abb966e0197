"""Who is told, and teams. Our own people are named by id alone: name and address are read when somebody is called or shown."""

from collections.abc import Mapping
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, HttpUrl

from libs.events.values import Language, Recipient
from libs.kit.names import Found
from libs.store import Entity
from services.escalation.model.known_person import KnownPerson

RecipientKind = Literal["duty_manager", "service_management", "on_call", "team", "assignee", "holder", "admin"]


class Addressee(BaseModel):
    """Somebody to be told: a person by id, whose name and address stand in no row but the replica's, or a webhook or an address."""

    model_config = ConfigDict(frozen=True)

    kind: RecipientKind | Literal["webhook"]
    id: UUID | None = None
    name: str | None = None
    # e-mail address, or the webhook's URL
    address: str | None = None
    language: Language = "en"

    @property
    def person_id(self) -> UUID | None:
        """None for what is no person."""
        return None if self.kind == "webhook" else self.id

    def as_recipient(self) -> Recipient:
        """As facts say who it is."""
        return Recipient(kind=self.kind, id=self.id)

    def called(self, known: Mapping[UUID, KnownPerson]) -> Self:
        """A person with the name and address of now, as far as they are known."""
        who = known.get(self.person_id) if self.person_id else None
        if who is None:
            return self
        return self.model_copy(update={"name": who.name, "address": who.email, "language": who.language or "en"})


def webhook_addressed(url: str | HttpUrl, name: str, id: UUID) -> Addressee:
    """The webhook of a team or rota."""
    return Addressee(kind="webhook", id=id, name=name, address=str(url))


class Team(Found, Entity, table="teams", indexes=("purpose", ("sort_key", "id"))):
    """Members, people by id, are told together. A team for service management is told of every breach and every step (S24)."""

    name: str
    purpose: Literal["service_management"] | None = None
    members: list[UUID]
    webhook_url: str | None = None

    def recipients(self) -> list[Addressee]:
        """The members, then the webhook if there is one."""
        kind: RecipientKind = self.purpose or "team"
        people = [Addressee(kind=kind, id=id) for id in self.members]
        return people + ([webhook_addressed(self.webhook_url, self.name, self.id)] if self.webhook_url else [])
