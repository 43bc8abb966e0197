"""Lists of rows with one of several values, in one order."""

from collections.abc import AsyncIterator
from itertools import product
from uuid import uuid4

import pytest
import pytest_asyncio

from libs.kit.rows import in_order
from libs.store import Database, Entity, Scope
from libs.store.ids import new_id
from tests.support.tables import database_for

WORKER = Scope("worker")


class Ticket(Entity, table="tickets", indexes=(("state", "place", "id"),)):
    state: str
    lane: str
    place: int


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def tickets(postgres_url: str) -> AsyncIterator[Database]:
    """Sixty: each state and lane, five times, at places that repeat."""
    _, url = await database_for(postgres_url, f"tickets{uuid4().hex[:10]}", Ticket)
    database = await Database.connect(url, size=2)
    async with database.transaction(WORKER) as tx:
        for n, (state, lane, _) in enumerate(product("abcd", "xyz", range(5))):
            tx.add(Ticket(id=new_id(), state=state, lane=lane, place=n * 7 % 13))
    yield database
    await database.close()


@pytest.mark.parametrize("states", [["a"], ["b", "d"], ["c", "c", "a"], ["nobody's", "d"], [*"abcd"]])
@pytest.mark.parametrize("lanes", [None, ["x"], ["z", "x"]])
@pytest.mark.parametrize("falling", [True, False])
async def test_each_value_is_read_by_itself_and_the_page_is_the_same(
    tickets: Database, states: list[str], lanes: list[str] | None, falling: bool
) -> None:
    c = Ticket.c
    rows = [c.state.in_(states), c.place < 12, *([c.lane.in_(lanes)] if lanes else [])]
    order = (c.place.desc(), c.id.desc()) if falling else (c.place, c.id)
    async with tickets.transaction(WORKER) as tx:
        for limit in (1, 7, 100):
            found = await in_order(tx, Ticket, rows, order, limit)
            expected = await tx.select(Ticket, *rows, order_by=order, limit=limit)
            assert [each.to_row() for each in found] == [each.to_row() for each in expected]
