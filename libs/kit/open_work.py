"""What is open with a person: each service says it of its own rows, and the door asks all of them before it lets somebody be erased.

    service = Service(..., open_work={"contact": visits_of})

`GET /internal/open-work?kind=contact&id=` is the gateway's alone to ask: nothing below /internal is reached from outside.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal
from uuid import UUID

from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Out
from libs.store import Transaction

Kind = Literal["contact", "person"]
MOST = 20
"""Of one kind of thing: enough to see what is to be done first."""


class OpenWork(Out):
    """One thing that is open: `what` it is (case, work order), the number that people know it by, or where there is none its id."""

    what: str
    id: UUID
    number: str | None = None
    case_id: UUID | None = None
    state: str | None = None


class AllOpenWork(Out):
    items: list[OpenWork]


Ask = Callable[[UUID, Transaction], Awaitable[list[OpenWork]]]


def open_work_router(asked: Mapping[Kind, Ask]) -> Router:
    """Of a kind that the service has nothing with, nothing is open."""
    router = Router(tags=["internal"])

    @router.get("/internal/open-work", dependencies=[allow("admin")], include_in_schema=False)
    async def open_work_route(kind: Kind, id: UUID, tx: Tx) -> AllOpenWork:
        ask = asked.get(kind)
        return AllOpenWork(items=await ask(id, tx) if ask else [])

    return router
