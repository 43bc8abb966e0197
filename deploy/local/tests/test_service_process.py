from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from confluent_kafka import Producer

from deploy.local import environment
from deploy.local.databases import create_service_database
from deploy.local.members import member
from deploy.local.migrate import migrate
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Child, Processes
from deploy.local.supervisor import READY_SECONDS, answers
from deploy.local.tests.conftest import Broker
from deploy.local.tests.test_topics import client
from deploy.local.waiting import until_async
from deploy.topics import CLOCK, admin_client
from libs.bus.clock import KEY, encode

SECONDS = 60


async def put_in_force(broker: Broker, offset: timedelta) -> None:
    producer = Producer(client(broker.admin))
    producer.produce(CLOCK, key=KEY, value=encode(offset))
    assert await asyncio.to_thread(producer.flush, SECONDS) == 0


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    running = Processes(tmp_path / "run", tmp_path / "logs")
    yield running
    running.stop_all()


@asynccontextmanager
async def activity(
    processes: Processes, broker: Broker, postgres_url: str, *, sandbox: str
) -> AsyncIterator[tuple[Child, asyncpg.Connection[asyncpg.Record]]]:
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
    planned = member("activity", known)
    child = processes.start(name, planned.argv, env=planned.env, wave=1)
    database = await asyncpg.connect(runtime_url)
    try:
        await until_async(lambda: answers(planned.url), seconds=READY_SECONDS, otherwise=f"{name} never got ready")
        yield child, database
    finally:
        await database.close()


async def stands_at(database: asyncpg.Connection[asyncpg.Record], offset: timedelta) -> bool:
    return bool(await database.fetchval("select time_offset = $1 from app_clock", offset))


async def test_a_service_outside_a_sandbox_does_not_follow_the_clock(
    processes: Processes, broker: Broker, postgres_url: str
) -> None:
    async with (
        activity(processes, broker, postgres_url, sandbox="0") as (_, production),
        activity(processes, broker, postgres_url, sandbox="1") as (_, playing),
    ):
        # Twice, so that the one that should stand still has had a whole turn in which to move.
        for offset in (timedelta(days=3), timedelta(days=5)):
            await put_in_force(broker, offset)
            await until_async(lambda: stands_at(playing, offset), seconds=SECONDS, otherwise="nothing moved")  # noqa: B023
        await put_in_force(broker, timedelta(0))

        assert await stands_at(production, timedelta(0))


async def test_a_service_told_to_end_lets_its_worker_finish_and_leave_its_group(
    processes: Processes, broker: Broker, postgres_url: str
) -> None:
    async with activity(processes, broker, postgres_url, sandbox="0") as (child, _):
        assert len(members_of("activity", broker)) == 1

        child.started.send(signal.SIGTERM)

        await until_async(lambda: child.exit_code() is not None, seconds=SECONDS, otherwise="it did not end")
        assert child.exit_code() == 0
        assert members_of("activity", broker) == []


def members_of(group: str, broker: Broker) -> Sequence[object]:
    admin = admin_client(*broker.admin)
    asked = admin.describe_consumer_groups([group], request_timeout=SECONDS)
    return list(asked[group].result(SECONDS).members)
