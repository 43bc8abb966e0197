"""Our own people: who works here, and who works for a reseller, a partner or a depot. A customer's people are entitlements' contacts."""

from dataclasses import field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from libs.events.gateway import PersonRole, PersonState
from libs.events.values import Language
from libs.kit.names import Found
from libs.kit.problems import Conflict, Unprocessable
from libs.store import Entity, Transaction, UpdatedAt
from services.gateway.model.history import Change


class PersonForgotten(Conflict):
    """Nothing is kept of who was erased but the id."""


class PersonHasLeft(Conflict):
    """One leaves once; a PATCH of `active` brings back who is here again."""


class UnknownPerson(Unprocessable):
    """A person who is named exists and is active."""


class Person(
    Found,
    Entity,
    table="people",
    indexes=(
        ("sort_key", "id"),
        ("active", "id"),
        ("active", "sort_key", "id"),
        ("updated_at", "id"),
        ("active", "updated_at", "id"),
    ),
):
    """`display_name` is what customers see. `active`: may act. `successor_id`: who takes over from one who has left."""

    searched = ("name", "display_name")
    tells = PersonState

    name: str
    display_name: str
    email: str | None
    phone: str | None
    language: Language
    time_zone: str
    roles: list[PersonRole]
    active: bool = True
    successor_id: UUID | None = None
    erased_at: datetime | None = None
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)
    history: list[Change]

    def as_state(self) -> PersonState | None:
        """All that is told of a person; None once erased."""
        if self.erased_at:
            return None
        return PersonState(
            name=self.name,
            display_name=self.display_name,
            email=self.email,
            phone=self.phone,
            language=self.language,
            time_zone=self.time_zone,
            roles=self.roles,
            active=self.active,
            successor_id=self.successor_id,
        )

    def must_be_kept(self) -> None:
        """Raises PersonForgotten."""
        if self.erased_at:
            raise PersonForgotten("This person was erased; nothing can be done any more.", state="erased", possible=[])

    def leave(self, successor_id: UUID, change: Change) -> None:
        """Another one takes over. Raises PersonHasLeft."""
        if self.successor_id:
            raise PersonHasLeft(
                "This person has left already; a PATCH of `active` brings them back.", state="left", possible=[]
            )
        self.active, self.successor_id = False, successor_id
        self.history.append(change)

    def disable(self, change: Change) -> bool:
        """May not act any more. False for one who may not already: they stay as they are."""
        if not self.active:
            return False
        self.active = False
        self.history.append(change)
        return True

    def erase(self, change: Change) -> None:
        """Nothing is left but the id, and what was done when and by whom; told as null."""
        self.name = self.display_name = ""
        self.email = self.phone = None
        self.language, self.time_zone, self.roles, self.active = "en", "UTC", [], False
        self.history = [*(each.model_copy(update={"why": None}) for each in self.history), change]
        self.erased_at = change.at


sa.Index("people_email_key", sa.func.lower(Person.c.email), unique=True)
sa.Index("people_roles_idx", Person.c.roles, postgresql_using="gin")


async def must_be_active(person_id: UUID, tx: Transaction, *, of: str) -> Person:
    """The person whom the field `of` names. Raises UnknownPerson."""
    person = await Person.find(person_id, tx)
    if person is None or not person.active:
        raise UnknownPerson("There is no such active person.", field=of, id=str(person_id))
    return person
