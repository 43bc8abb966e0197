from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from libs.store import Database
from libs.store.tests.goods import Crate
from tests.support.tables import database_for


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def runtime_url(postgres_url: str) -> str:
    """The run-time role's address of a database for the tests of one module."""
    _, url = await database_for(postgres_url, f"store{uuid4().hex[:10]}", Crate, tenants=True)
    return url


@pytest_asyncio.fixture(loop_scope="session")
async def database(runtime_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(runtime_url, size=4)
    async with database.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('polyplus.scope', 'worker', true)")
        for table in ("crates", "outbox", "timers", "jobs"):
            await connection.execute(f"DELETE FROM {table}")
    yield database
    await database.close()
