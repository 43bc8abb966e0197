"""Whoever is erased is looked for by indexes: in a table of any length only rows that are theirs are read."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from tests.support.filling import fill, uid
from tests.support.forgetting import erased, person_erased
from tests.support.lists import listening, plan_of, rows_read
from tests.support.services import service

ROWS = 20_000
TABLES = {"cases": ["cases", "notes"], "onsite": ["appointments", "case_files", "technicians"], "rma": ["rmas"]}
# as they are filled every case has a contact
_AS_THEY_ARE = {
    "cases": "UPDATE cases SET contact_id = NULL, opened_by = 'engineer:' || id WHERE id::text < '8'; ANALYZE cases"
}
PLACES = [
    ("cases", "cases", person_erased), ("cases", "notes", person_erased), ("cases", "notes", erased),
    ("onsite", "appointments", person_erased), ("onsite", "appointments", erased), ("onsite", "technicians", person_erased),
    ("rma", "rmas", erased),
]  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def long_tables(postgres_url: str) -> Mapping[str, tuple[str, str]]:
    """Databases by service, the owner's and the run-time role's, in which these tables are long."""
    made = {}
    for name, tables in TABLES.items():
        made[name] = urls = await create_service_database(postgres_url, f"erasing_{name}_{uuid4().hex[:8]}")
        await migrate(name, urls.owner_url)
        await fill(name, urls.owner_url, ROWS, tables)
        owner = await asyncpg.connect(urls.owner_url)
        await owner.execute("SET polyplus.scope = 'worker';" + _AS_THEY_ARE.get(name, ""))
        await owner.close()
    return made


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]}.{place[1]} {place[2].__name__}")
async def test_no_rows_of_others_are_read(long_tables: Mapping[str, tuple[str, str]], place: Any) -> None:
    name, table, event = place
    async with listening(service(name), *long_tables[name]) as (harness, heard):
        await harness.deliver(event(uuid4(), UUID(uid(1))) if event is erased else event(uuid4()))
        asked = [each for each in heard if each.query.lstrip().startswith("SELECT") and f"FROM {table}" in each.query]
        async with harness.database.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL polyplus.scope = 'worker'")
            read = {each.query: rows_read(await plan_of(connection, each.query, each.args), table) for each in asked}
    assert read
    assert {query: rows for query, rows in read.items() if rows} == {}
