"""The clock on a small sandbox: one service, real engines, and nobody at the outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
import pytest_asyncio
from confluent_kafka import Producer

from deploy.local.kafka import KafkaLogin
from deploy.local.sandbox import Sandbox
from deploy.local.stack import Stack
from deploy.local.strangers import FAILING_SECONDS
from deploy.local.tests.test_topics import client
from deploy.topics import admin_client

DAY = timedelta(days=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    with TemporaryDirectory(prefix="polyplus-test-", ignore_cleanup_errors=True) as home:
        async with Stack(Path(home), services=["activity"], simulators=(), environ={}, say=lambda _: None) as stack:
            yield stack


@asynccontextmanager
async def clock_of(stack: Stack) -> AsyncIterator[Sandbox]:
    admin = KafkaLogin(*(stack.env[f"POLYPLUS_KAFKA_{what}"] for what in ("BOOTSTRAP", "ADMIN_USER", "ADMIN_PASSWORD")))
    databases = {"activity": stack.env["POLYPLUS_ACTIVITY_DATABASE_URL"]}
    async with httpx.AsyncClient(trust_env=False) as http:
        box = Sandbox(databases, {}, http, Producer(client(admin)), admin_client(*admin))
        try:
            yield box
        finally:
            await box.close()


async def test_the_clock_goes_on_when_postgresql_has_restarted(stack: Stack) -> None:
    async with clock_of(stack) as clock:
        before = await clock.advance(DAY)
        await stack.kill("postgres")
        restarted = asyncio.create_task(stack.until_ready("postgres"))
        began = time.monotonic()

        after = await clock.advance(DAY)

        await restarted
        assert after - before >= DAY
        assert time.monotonic() - began < 60  # a restart, recovery and the service's return


async def test_calls_that_fail_hold_the_clock_up_once_and_are_named(stack: Stack) -> None:
    database = await asyncpg.connect(stack.env["POLYPLUS_ACTIVITY_DATABASE_URL"])
    await database.execute(
        "insert into jobs (id, aggregate, aggregate_id, kind, reference, payload, attempt, last_error, due_at)"
        " select gen_random_uuid(), 'Nobody', gen_random_uuid(), 'note', n, '{}', 3, 'refused', clock_timestamp() from generate_series(1, 20) n"
    )
    try:
        async with clock_of(stack) as clock:
            began = time.monotonic()
            for _ in range(10):
                await clock.advance(DAY)

            assert time.monotonic() - began < FAILING_SECONDS + 30
            assert clock.left == ["activity has 20 calls to the outside that fail"]
    finally:
        await database.execute("delete from jobs")
        await database.close()
