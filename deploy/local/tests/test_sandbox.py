from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
from confluent_kafka import Producer

from deploy.local import environment
from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from deploy.local.parts import part
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Processes
from deploy.local.supervisor import READY_SECONDS, answers
from deploy.local.tests.conftest import Broker
from deploy.local.tests.test_topics import client
from deploy.local.waiting import until_async
from deploy.topics import CLOCK
from libs.bus.clock import KEY, encode

SECONDS = 60


async def put_in_force(broker: Broker, offset: timedelta) -> None:
    producer = Producer(client(broker.admin))
    producer.produce(CLOCK, key=KEY, value=encode(offset))
    assert await asyncio.to_thread(producer.flush, SECONDS) == 0


@asynccontextmanager
async def activity(
    processes: Processes, broker: Broker, postgres_url: str, *, sandbox: str
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """The service as a process of its own, ready, and its database."""
    name = f"activity-{sandbox}"
    owner_url, runtime_url = await create_service_database(postgres_url, "activity", prefix=f"sandbox_{sandbox}_")
    await migrate("activity", owner_url)
    known = environment.with_credentials({"POLYPLUS_SANDBOX": sandbox}) | {
        "POLYPLUS_KAFKA_BOOTSTRAP": broker.admin.bootstrap,
        "POLYPLUS_ACTIVITY_KAFKA_PASSWORD": broker.passwords["activity"],
        "POLYPLUS_ACTIVITY_DATABASE_URL": runtime_url,
        "POLYPLUS_ACTIVITY_URL": f"http://{HOST}:{free_port()}",
    }
    planned = part("activity", known)
    child = processes.start(name, planned.argv, env=planned.env, wave=1)
    database = await asyncpg.connect(runtime_url)
    try:
        await until_async(lambda: answers(planned.url), seconds=READY_SECONDS, otherwise=f"{name} never got ready")
        yield database
    finally:
        await database.close()
        await asyncio.to_thread(processes.stop, child)


async def stands_at(database: asyncpg.Connection[asyncpg.Record], offset: timedelta) -> bool:
    return bool(await database.fetchval("select time_offset = $1 from app_clock", offset))


async def test_a_service_outside_a_sandbox_does_not_follow_the_clock(
    broker: Broker, postgres_url: str, tmp_path: Path
) -> None:
    processes = Processes(tmp_path / "run", tmp_path / "logs")
    try:
        async with (
            activity(processes, broker, postgres_url, sandbox="0") as production,
            activity(processes, broker, postgres_url, sandbox="1") as playing,
        ):
            # Twice, so that the one that should stand still has had a whole turn in which to move.
            for offset in (timedelta(days=3), timedelta(days=5)):
                await put_in_force(broker, offset)
                await until_async(lambda: stands_at(playing, offset), seconds=SECONDS, otherwise="nothing moved")  # noqa: B023
            assert await stands_at(production, timedelta(0))
    finally:
        await asyncio.to_thread(processes.stop_all)
        await put_in_force(broker, timedelta(0))
