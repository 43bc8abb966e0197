from __future__ import annotations

import asyncio

import asyncpg
import pytest

from libs.bus.batch import is_transient
from libs.kit.problems import Unavailable, as_problem


async def _until_it_fails(session: asyncpg.Connection[asyncpg.Record]) -> None:
    while True:
        await session.fetchval("SELECT 1")


@pytest.mark.parametrize("steps", range(8))
async def test_a_session_that_the_server_ended_is_tried_again_at_whatever_instant_it_is_used(
    postgres_url: str, steps: int
) -> None:
    admin = await asyncpg.connect(postgres_url)
    try:
        for _ in range(5):
            session = await asyncpg.connect(postgres_url)
            await admin.execute("SELECT pg_terminate_backend($1)", session.get_server_pid())
            for _ in range(steps):  # between the server's last word and the end of the connection
                await asyncio.sleep(0)

            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)) as lost:
                await _until_it_fails(session)

            assert is_transient(lost.value, 0), repr(lost.value)
            assert isinstance(as_problem(lost.value), Unavailable), repr(lost.value)
    finally:
        await admin.close()
