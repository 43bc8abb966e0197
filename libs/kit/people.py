"""Our own people as a service names them: by an id that is checked when a command names it, and under the name that they have now.

    await must_exist(KnownPerson, [cmd.person_id], tx, consumer="cases", roles=ENGINEERS)    # before anything is locked
    NamedPerson.of(case.assignee, {person.id: person for person in known})

`KnownPerson` is the service's replica of `gateway.people` (libs/bus/replicas.py).
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, Protocol, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel

from libs.bus.replicas import Awaited, hold, is_current
from libs.events.entitlements import ContactState
from libs.events.gateway import PersonRole, PersonState
from libs.kit.problems import NotOfThisAccount, Problem, Unavailable, Unprocessable
from libs.store import Database, Entity, Scope, Transaction

WAIT_SECONDS = 2.0
"""So long a command waits, in real time, for somebody whom it names and whom this service does not know yet."""
_LOOK_SECONDS = 0.05
Unnamed = Literal["pending", "erased"]
"""Why there is no name: the person is not known here yet, or not any more."""


class NoSuchPerson(Unprocessable):
    """Who is named is one of our own people, is here still, and has a role for it; `id` says who is not."""


class PersonRequired(Unprocessable):
    """The caller acts for nobody: it has to say who is meant."""


class PeopleBehind(Unavailable):
    """Whether somebody is there cannot be said now: what this service knows of our people is behind."""


class Kept(Protocol):
    """A row of a replica."""

    gone: bool


class Known(Kept, Protocol):
    """What a replica has of somebody."""

    @property
    def called(self) -> str | None:
        """The name that is shown; None once forgotten."""


def unnamed(who: Kept | None) -> Unnamed | None:
    """None for one who has a name."""
    return "pending" if who is None else "erased" if who.gone else None


class NamedPerson(BaseModel):
    """One of our own people by id, under the name of now; without one, `state` says why."""

    id: UUID
    name: str | None
    state: Unnamed | None = None

    @classmethod
    def of(cls, id: UUID, known: Mapping[UUID, Known]) -> Self:
        """As they are known now."""
        who = known.get(id)
        return cls(id=id, name=who.called if who else None, state=unnamed(who))


class NotHereYet(Exception):
    """A command names what a replica does not have. It is waited for outside the transaction, which holds nothing meanwhile, and the
    command is tried once more (`libs/kit/http.py`); then `problem` is the answer."""

    def __init__(self, awaited: Sequence[Awaited], problem: Problem) -> None:
        super().__init__(problem.detail)
        self.awaited, self.problem = awaited, problem

    async def wait(self, database: Database) -> None:
        """Until all of it has come, `WAIT_SECONDS` at most."""
        ends = asyncio.get_running_loop().time() + WAIT_SECONDS
        while asyncio.get_running_loop().time() < ends:
            async with database.transaction(Scope.system("waiting")) as tx:
                if all([await each.has_come(tx) for each in self.awaited]):
                    return
            await asyncio.sleep(_LOOK_SECONDS)


class _Person(Known, Protocol):
    id: UUID
    roles: list[PersonRole] | None
    active: bool | None
    successor_id: UUID | None


P = TypeVar("P", bound=Entity)


async def must_exist(
    cls: type[P],
    ids: Collection[UUID],
    tx: Transaction,
    *,
    consumer: str,
    roles: AbstractSet[str],
    field: str = "person_id",
) -> None:
    """That these are our own people, here still, each in one of the roles; who leaves from now on waits for this transaction, and is found
    where it names them. To be called before anything is locked.

    Raises NoSuchPerson; NotHereYet for whom the replica does not have, which becomes NoSuchPerson, or PeopleBehind where the replica
    was not at the end of its topic some 5 s ago or later.
    """
    await hold([cls], tx)
    found: Mapping[UUID, _Person] = {each.id: each for each in await tx.find_many(cls, [*ids]) if each}  # type: ignore[misc]
    if missing := [id for id in ids if id not in found]:
        problem = _no_such(missing[0], field)
        if not await is_current(tx, consumer, PersonState.contract.topic):
            problem = PeopleBehind("Our people are being read anew here; try again.", retry_after=5, field=field)
        raise NotHereYet([Awaited(cls, id, 0) for id in missing], problem)
    for id, person in found.items():
        if person.gone or not person.active or not roles & {*(person.roles or ())}:
            raise _no_such(id, field)


async def must_be_here(cls: type[Entity], id: UUID | None, tx: Transaction, *, field: str = "person_id") -> None:
    """That whoever takes something themselves has not left: a token outlives that for a while. Who is not known yet is here. As
    `must_exist` otherwise. Raises NoSuchPerson."""
    await hold([cls], tx)
    person: _Person | None = await tx.find(cls, id) if id else None  # type: ignore[assignment]
    if id and person and (person.gone or not person.active):
        raise _no_such(id, field)


async def successor_of(cls: type[P], id: UUID, tx: Transaction) -> UUID | None:
    """Who took over from somebody who has left, the last of those who followed each other; None while they are here, or where nobody did."""
    found, seen, left = None, set[UUID](), id
    while left not in seen:
        seen.add(left)
        person: _Person | None = await tx.find(cls, left)  # type: ignore[assignment]
        if person is None or person.active is not False or person.successor_id is None:
            break
        found = left = person.successor_id
    return found


class _Theirs(Protocol):
    id: UUID
    account_id: UUID | None


async def must_be_of(
    account_id: UUID, named: Mapping[str, tuple[type[Entity], UUID | None]], tx: Transaction, *, consumer: str
) -> None:
    """That what a command names, by its field, is the account's. To be called before anything is locked.

    Raises NotOfThisAccount; for what the replica does not have NotHereYet, which becomes the same. Where the replica is behind its topic it
    is taken all the same: the decision on the case leaves out what the account has not.
    """
    for field, (cls, id) in named.items():
        row: _Theirs | None = await tx.find(cls, id) if id else None  # type: ignore[assignment]
        if id is None or (row is not None and row.account_id == account_id):
            continue
        refused = NotOfThisAccount(f"The account has no such {field.removesuffix('_id')}.", **{field: str(id)})
        if row is not None:
            raise refused
        if await is_current(tx, consumer, ContactState.contract.topic):
            raise NotHereYet([Awaited(cls, id, 0)], refused)


def _no_such(id: UUID, field: str) -> Problem:
    return NoSuchPerson("Nobody of this id who is here and has a role for it.", field=field, id=str(id))
