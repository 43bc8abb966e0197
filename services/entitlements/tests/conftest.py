"""Entitlements on a real PostgreSQL."""

from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import pytest_asyncio

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from services.entitlements.app import service
from services.entitlements.tests.before import Before
from tests.support.harness import harness_fixture

entitlements = harness_fixture(service)
_numbers = count()


@pytest_asyncio.fixture(loop_scope="session")
async def before(postgres_url: str) -> AsyncIterator[Before]:
    made = await create_service_database(postgres_url, "entitlements", prefix=f"before_{next(_numbers)}_")
    await migrate("entitlements", made.owner_url, "0005")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    yield Before(owner, made)
    await owner.close()
