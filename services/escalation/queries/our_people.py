"""Our own people: whether who is named is there, and the names of now."""

from collections.abc import Collection, Iterable
from uuid import UUID

from libs.kit.auth import STAFF
from libs.kit.listing import contains
from libs.kit.people import NamedPerson, must_exist
from libs.store import Transaction
from services.escalation.model.known_person import KnownPerson
from services.escalation.model.people import Addressee

_OURS: frozenset[str] = STAFF
"""Roles of whom we call."""


async def must_be_ours(ids: Collection[UUID], tx: Transaction, field: str = "person_id") -> None:
    """That all of them can be called by us. Before anything is locked. Raises NoSuchPerson, NotHereYet."""
    await must_exist(KnownPerson, ids, tx, consumer="escalation", roles=_OURS, field=field)


async def admins(tx: Transaction) -> list[UUID]:
    """Who may do everything here, and is here still."""
    theirs = KnownPerson.c.active, contains(KnownPerson.c.roles, ["admin"])
    return [each.id for each in await tx.select(KnownPerson, *theirs)]


async def known(ids: Iterable[UUID | None], tx: Transaction) -> dict[UUID, KnownPerson]:
    """Those of them who are known."""
    wanted = dict.fromkeys(id for id in ids if id)
    return {each.id: each for each in await tx.find_many(KnownPerson, [*wanted]) if each}


async def named(ids: Iterable[UUID], tx: Transaction) -> list[NamedPerson]:
    """Each under the name of now."""
    ids = [*ids]
    found = await known(ids, tx)
    return [NamedPerson.of(id, found) for id in ids]


async def called(addressees: Collection[Addressee], tx: Transaction) -> list[Addressee]:
    """Each with the name and address of now."""
    found = await known((each.person_id for each in addressees), tx)
    return [each.called(found) for each in addressees]
