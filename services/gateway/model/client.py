"""A system that may call: what it is, whose data it sees, and since when not any more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa

from libs.events.gateway import Bound
from libs.kit.auth import Principal
from libs.kit.names import Found
from libs.kit.problems import Conflict
from libs.store import Entity, Transaction
from libs.store.entity import Finder
from services.gateway.model.history import Change
from services.gateway.model.person import Person

Role = Literal[
    "customer", "reseller", "partner", "engineer", "manager", "depot", "technician", "ops", "integrator", "admin"
]


class ClientDisabled(Conflict):
    """A disabled client stays disabled."""


class LastAdmin(Conflict):
    """Without an admin nobody could make one."""


class Client(Found, Entity, table="clients", indexes=("role", ("sort_key", "id"))):
    """`secret_generation` counts the secrets: tokens issued for an earlier one are worth nothing. What a client with a `person_id`
    does, that person does; a system names none."""

    name: str
    role: Role
    secret_hash: str
    secret_generation: int = 1
    accounts: list[UUID]
    partner_id: UUID | None = None
    depots: Annotated[list[UUID], sa.DefaultClause("[]")]
    technician_id: UUID | None = None
    person_id: UUID | None = None
    requests_per_second: int | None = None
    disabled_at: datetime | None = None
    created_at: datetime
    history: list[Change]

    @property
    def principal(self) -> Principal:
        """Who the services take this client for."""
        accounts, depots = frozenset(self.accounts), frozenset(self.depots)
        return Principal(
            self.id, self.name, self.role, accounts, self.partner_id, depots, self.technician_id, self.person_id
        )

    def facts(self) -> dict[str, Any]:
        """What its events say: which it is, and whose rows it sees."""
        bound = Bound(
            accounts=self.accounts, partner_id=self.partner_id, depots=self.depots, technician_id=self.technician_id
        )
        return {"client_id": self.id, "bound": bound, "person_id": self.person_id}

    async def may_call(self, tx: Finder) -> bool:
        """Not once it is disabled, nor while the person it acts for is not active, or does not act as this."""
        person = await Person.find(self.person_id, tx) if self.person_id else None
        acts = person is not None and person.active and self.role in person.roles
        return self.disabled_at is None and (acts or self.person_id is None)

    def take_secret(self, secret_hash: str, change: Change) -> None:
        """A new secret in place of the old one. Raises ClientDisabled."""
        self.must_be_enabled()
        self.secret_hash = secret_hash
        self.secret_generation += 1
        self.history.append(change)

    def disable(self, change: Change) -> bool:
        """For good. False for a client that is disabled already: it stays as it is."""
        if self.disabled_at is not None:
            return False
        self.disabled_at = change.at
        self.history.append(change)
        return True

    def forget_person(self, change: Change) -> bool:
        """Whom it acted for was erased: it is disabled, and what it was called and why it was changed goes. False for a client that
        was disabled already."""
        self.name = self.role
        self.history = [each.model_copy(update={"why": None}) for each in self.history]
        return self.disable(change)

    def must_be_enabled(self) -> None:
        """Raises ClientDisabled."""
        if self.disabled_at:
            raise ClientDisabled("This client is disabled for good; make a new one.", state="disabled", possible=[])


# Of the release before: its code alone reads and writes it, and a trigger keeps the two the same.
Client.table.append_column(sa.Column("depot_id", sa.Uuid()))


@asynccontextmanager
async def an_admin_stays(tx: Transaction) -> AsyncIterator[None]:
    """Somebody who may call as admin now still may afterwards. All of them are locked, so that the last two cannot end each other.

    Raises LastAdmin.
    """
    admins = await tx.select(Client, Client.c.role == "admin", Client.c.disabled_at.is_(None), lock=True)
    able = [each for each in admins if await each.may_call(tx)]
    yield
    if able and not [each for each in able if await each.may_call(tx)]:
        raise LastAdmin("Nobody could act as admin any more; make another one first.")
