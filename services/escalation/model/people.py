"""People, as teams and rotas name them."""

from typing import Any, Literal, Self
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationInfo, model_validator

from libs.events.values import Language, Recipient
from libs.kit.fields import Email, Line
from libs.kit.names import Found
from libs.store import Entity
from services.escalation.model.known_person import KnownPerson

_PEOPLE = UUID("5c1d7a52-8d0c-4d0b-9b7e-0f6a1c3e2b94")
RecipientKind = Literal["duty_manager", "service_management", "on_call", "team", "assignee"]


class Addressee(BaseModel):
    """Somebody to be told, with name and address as far as they are known: in our rows and answers alone."""

    model_config = ConfigDict(frozen=True)

    kind: RecipientKind | Literal["webhook"]
    id: UUID | None = None
    name: str | None
    # e-mail address, or the webhook's URL
    address: str | None = None
    language: Language = "en"

    def as_recipient(self) -> Recipient:
        """As facts say who it is."""
        return Recipient(kind=self.kind, id=self.id)


def addressed(kind: RecipientKind, id: UUID, known: KnownPerson | None) -> Addressee:
    """One of our own people, as they are known now. `kind` is why they are told."""
    if known is None:
        return Addressee(kind=kind, id=id, name=None)
    return Addressee(kind=kind, id=id, name=known.name, address=known.email, language=known.language or "en")


class NewPerson(BaseModel):
    """Somebody as whoever keeps the people names them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    email: Email | None = None
    language: Language = "en"


def _words(name: str, email: str | None) -> tuple[str, str]:
    return name.casefold(), (email or "").casefold()


def _known_by(fields: dict[str, Any]) -> UUID:
    return uuid5(_PEOPLE, "\n".join(_words(fields["name"], fields["email"])))


class Person(NewPerson):
    """One by name and address: the same in every team and rota, and after every revision of them. Kept as it was once taken."""

    name: str
    email: str | None = None
    id: UUID = Field(default_factory=_known_by)

    @model_validator(mode="after")
    def _known_already(self, info: ValidationInfo) -> Self:
        """`ids` in the context: whom the entity that is changed knows, as `ids_of` tells it."""
        known = (info.context or {}).get("ids", {}).get(_words(self.name, self.email))
        return self if known is None or "id" in self.model_fields_set else self.model_copy(update={"id": known})

    def addressed(self, kind: RecipientKind) -> Addressee:
        """`kind` is why they are told."""
        return Addressee(kind=kind, id=self.id, name=self.name, address=self.email, language=self.language)


def webhook_addressed(url: str | HttpUrl, name: str, id: UUID) -> Addressee:
    """The webhook of a team or rota."""
    return Addressee(kind="webhook", id=id, name=name, address=str(url))


class Team(Found, Entity, table="teams", indexes=("purpose", ("sort_key", "id"))):
    """Members are told together. A team for service management is told of every breach and every step (S24)."""

    name: str
    purpose: Literal["service_management"] | None = None
    members: list[Person]
    webhook_url: str | None = None

    def recipients(self) -> list[Addressee]:
        """The members, then the webhook if there is one."""
        kind: RecipientKind = self.purpose or "team"
        people = [person.addressed(kind) for person in self.members]
        return people + ([webhook_addressed(self.webhook_url, self.name, self.id)] if self.webhook_url else [])


def people_in(value: Any) -> list[NewPerson]:
    """Everybody that is named in it, in its order."""
    if isinstance(value, NewPerson):
        return [value]
    if isinstance(value, BaseModel):
        value = list(vars(value).values())
    return [person for each in value for person in people_in(each)] if isinstance(value, list | tuple) else []


def ids_of(stored: list[Person], named: list[NewPerson], in_use: set[UUID]) -> dict[tuple[str, str], UUID]:
    """The ids of those among `named` who are stored already: by name and address, else by either where that names one alone.

    Whoever is stored twice, with two ids, keeps the one `in_use`: an override names it.
    """
    by_words = {_words(each.name, each.email): each.id for each in sorted(stored, key=lambda each: each.id in in_use)}
    new = {_words(each.name, each.email) for each in named}
    ids = {words: by_words[words] for words in new & by_words.keys()}
    # the address, then the name
    for part in (1, 0):
        left, free = new - ids.keys(), {words for words, id in by_words.items() if id not in ids.values()}
        for words in left:
            same = [other for other in free if other[part] == words[part] != ""]
            if len(same) == 1 and len([each for each in left if each[part] == words[part]]) == 1:
                ids[words] = by_words[same[0]]
    return ids


def known_there(entity: Entity, command: BaseModel) -> dict[tuple[str, str], UUID]:
    """The ids of those whom the command names and the entity knows."""
    stored = [person for person in people_in(list(vars(entity).values())) if isinstance(person, Person)]
    in_use = {each.replaces for each in getattr(entity, "overrides", ()) if each.replaces}
    return ids_of(stored, people_in(command), in_use)
