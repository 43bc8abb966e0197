"""People, as teams and rotas name them."""

from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from libs.events.values import Language, Recipient
from libs.kit.fields import Email, Line
from libs.store import Entity

_PEOPLE = UUID("5c1d7a52-8d0c-4d0b-9b7e-0f6a1c3e2b94")
RecipientKind = Literal["duty_manager", "service_management", "on_call", "team", "assignee", "expert"]


class NewPerson(BaseModel):
    """Somebody as whoever keeps the people names them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    email: Email | None = None
    language: Language = "en"


def _known_by(fields: dict[str, Any]) -> UUID:
    return uuid5(_PEOPLE, (fields["email"] or fields["name"]).casefold())


class Person(NewPerson):
    """One by the address, without one by the name: the same in every team and rota, and after every revision of them."""

    id: UUID = Field(default_factory=_known_by)

    def as_recipient(self, kind: RecipientKind) -> Recipient:
        return Recipient(kind=kind, id=self.id, name=self.name, address=self.email, language=self.language)


def webhook_recipient(url: str | HttpUrl, name: str, id: UUID) -> Recipient:
    return Recipient(kind="webhook", id=id, name=name, address=str(url))


class Team(Entity, table="teams", indexes=("purpose", "name")):
    """Members are told together. A team for service management is told of every breach and every step (S24)."""

    name: str
    purpose: Literal["service_management"] | None = None
    members: list[Person]
    webhook_url: str | None = None

    def recipients(self) -> list[Recipient]:
        kind: RecipientKind = self.purpose or "team"
        people = [person.as_recipient(kind) for person in self.members]
        return people + ([webhook_recipient(self.webhook_url, self.name, self.id)] if self.webhook_url else [])
