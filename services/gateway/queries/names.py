"""Who an id is: histories and facts hold ids alone."""

from typing import Annotated, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel

from libs.kit.auth import ROLES, Principal
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.rows import of_its_accounts
from libs.store import Transaction
from services.gateway.model.client import Client
from services.gateway.model.known_contact import KnownContact

router = Router(tags=["people"])
_NAMES = "SELECT id, name, display_name, erased FROM names_of($1)"
Ids = Annotated[list[UUID], Query(min_length=1, max_length=100)]


class Name(BaseModel):
    """`pending`: nobody of this id is known, or not yet. `erased`: somebody was."""

    id: UUID
    name: str | None = None
    state: Literal["known", "pending", "erased"] = "pending"


class Names(BaseModel):
    items: list[Name]


@router.get("/v1/names", dependencies=[allow(*ROLES)])
async def get_names_route(ids: Ids, tx: Tx, caller: Caller) -> Names:
    """The names of these, each once, in the order asked. Those who work here see everybody's full names and systems' names, others the
    names under which our people appear, and those of their own accounts' contacts."""
    found = {}
    for id, name, display_name, erased in await tx.connection.fetch(_NAMES, ids):
        shown = name if caller.staff else display_name
        found[id] = Name(id=id, state="erased") if erased else Name(id=id, name=shown, state="known")
    if caller.staff:
        systems = await tx.find_many(Client, [id for id in ids if id not in found])
        found |= {each.id: Name(id=each.id, name=each.name, state="known") for each in systems if each}
    found |= await _contacts([id for id in ids if id not in found], tx, caller)
    return Names(items=[found.get(id) or Name(id=id) for id in dict.fromkeys(ids)])


async def _contacts(ids: list[UUID], tx: Transaction, caller: Principal) -> dict[UUID, Name]:
    """A cloud partner reads sides, and no customer's name; that somebody is gone may everybody know who has the id."""
    gone = KnownContact.c.gone.is_(True)
    theirs = [sa.false()] if caller.role == "partner" else of_its_accounts(caller, KnownContact.c.account_id)
    known = await tx.select(KnownContact, KnownContact.c.id.in_(ids), *(sa.or_(gone, each) for each in theirs))
    return {each.id: Name(id=each.id, name=each.name, state="erased" if each.gone else "known") for each in known}
