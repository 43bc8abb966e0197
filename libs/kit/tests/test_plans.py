"""What a page of a long list makes PostgreSQL read: as much as it shows, whatever is asked for, though a plan is made for any value."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.kit.listing import Listing, listed, order
from libs.store import Database, Entity, Scope
from libs.store.database import PLANNED_ONCE
from tests.support.lists import plan_of, rows_read
from tests.support.tables import lent_database

WORKER = Scope("worker")
ROWS, PAGE = 20_000, 10
RARE, COMMON = ("open", "held"), ("closed", "done", "gone")


class Errand(
    Entity,
    table="errands",
    indexes=(
        ("place", "id"),
        ("state", "place", "id"),
        ("lane", "place", "id"),
        ("lane", "state", "place", "id"),
    ),
):
    state: str
    lane: str
    place: int
    text: str
    """Long: a page of the table holds few rows, as those of services do."""


class OneState(Listing):
    state: str | None = None
    sort: str = order("-place")


class SomeStates(Listing):
    lane: list[str] | None = None
    state: list[str] | None = None
    sort: str = order("-place")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def errands(postgres_url: str) -> AsyncIterator[tuple[Database, list[Any]]]:
    """Most are in a last state; the few that are not are the oldest. And what was asked of the database."""
    heard: list[Any] = []

    async def listen(connection: Any) -> None:
        connection.add_query_logger(heard.append)

    async with lent_database(postgres_url, Errand) as (owner_url, url):
        owner = await asyncpg.connect(owner_url)
        await owner.execute(
            "INSERT INTO errands (id, version, revision, state, lane, place, text) SELECT gen_random_uuid(), 0, 0, "
            f"(CASE WHEN n <= 40 THEN ARRAY['open', 'held'] ELSE ARRAY['closed', 'done', 'gone'] END)[1 + n % CASE WHEN n <= 40 THEN 2 ELSE 3 END], "
            f"(ARRAY['x', 'y', 'z', 'v', 'w'])[1 + n / 3 % 5], n, repeat('word ', 100) FROM generate_series(1, {ROWS}) AS n"
        )
        await owner.execute("ANALYZE errands")
        await owner.close()
        pool = await asyncpg.create_pool(url, min_size=1, max_size=1, server_settings=PLANNED_ONCE, init=listen)
        yield Database(pool), heard
        await pool.close()


async def read_for(errands: tuple[Database, list[Any]], asked: Listing) -> tuple[list[Errand], int]:
    """The page, and how many rows of the table PostgreSQL read for it."""
    database, heard = errands
    heard.clear()
    async with database.transaction(WORKER) as tx:
        page = await listed(tx, Errand, asked, out=lambda errand: errand)
    [said] = [each for each in heard if "FROM errands" in each.query]
    async with database.pool.acquire() as connection:
        return page.items, rows_read(await plan_of(connection, said.query, said.args), "errands")


@pytest.mark.parametrize("state", [*RARE, *COMMON, "nobody's"])
@pytest.mark.parametrize("sort", ["-place", "place"])
async def test_a_filter_for_one_value_reads_what_it_shows_be_it_rare_or_not(
    errands: tuple[Database, list[Any]], state: str, sort: str
) -> None:
    items, read = await read_for(errands, OneState(state=state, sort=sort, limit=PAGE))
    assert [each.state for each in items] == [state] * (0 if state == "nobody's" else PAGE)
    assert items == sorted(items, key=lambda each: each.place, reverse=sort == "-place")
    assert read <= PAGE + 1


@pytest.mark.parametrize("states", [RARE, COMMON[:2], (RARE[0], COMMON[0])], ids="-".join)
async def test_two_lists_of_values_read_a_page_for_each_pair_and_no_more(
    errands: tuple[Database, list[Any]], states: tuple[str, ...]
) -> None:
    items, read = await read_for(errands, SomeStates(lane=["x", "y"], state=[*states], limit=PAGE))
    assert {each.state for each in items} <= {*states}
    assert {each.lane for each in items} <= {"x", "y"}
    assert items == sorted(items, key=lambda each: each.place, reverse=True)
    assert read <= 4 * (PAGE + 1)
