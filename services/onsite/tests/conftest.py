"""Onsite on a PostgreSQL of its own, on Monday, 2 March 2026, 09:00 in Ho Chi Minh City."""

import pytest_asyncio

from services.onsite.app import service
from services.onsite.tests.builders import CONTACT, HEAD_OFFICE, MONDAY, NGOC, SITE
from tests.support.harness import Harness, harness_fixture

empty_onsite = harness_fixture(service)


@pytest_asyncio.fixture(loop_scope="session")
async def onsite(empty_onsite: Harness) -> Harness:
    async with empty_onsite.database.pool.acquire() as connection:
        await connection.execute("UPDATE app_clock SET time_offset = $1 - clock_timestamp()", MONDAY)
    await empty_onsite.learn({SITE: HEAD_OFFICE, CONTACT: NGOC})
    return empty_onsite
