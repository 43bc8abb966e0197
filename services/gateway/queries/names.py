"""Who an id is: histories and facts hold ids alone."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from libs.kit.auth import ROLES
from libs.kit.http import Caller, Router, Tx, allow
from services.gateway.model.client import Client

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
    """The names of these, each once, in the order asked. Those who work here see people's full names and systems' names, others the
    names under which our people appear."""
    found = {}
    for id, name, display_name, erased in await tx.connection.fetch(_NAMES, ids):
        shown = name if caller.staff else display_name
        found[id] = Name(id=id, state="erased") if erased else Name(id=id, name=shown, state="known")
    if caller.staff:
        systems = await tx.find_many(Client, [id for id in ids if id not in found])
        found |= {each.id: Name(id=each.id, name=each.name, state="known") for each in systems if each}
    return Names(items=[found.get(id) or Name(id=id) for id in dict.fromkeys(ids)])
