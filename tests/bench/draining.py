"""What the benches of the bus share: outboxes filled in bulk, topics filled from them, and rates told by a counter."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import islice

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.processes import Child
from libs.bus.kafka import Kafka
from libs.bus.relay import Relay
from libs.store import Database
from libs.store.outbox import OutboxRow
from libs.store.runtime import columns
from tests.bench.engines import Engines
from tests.bench.workload import PARTITIONS, outbox_rows
from tests.support.tables import database_for

Count = Callable[[], Awaitable[int]]
_AT_ONCE = 10_000
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 300.0


async def until(fact: Callable[[], Awaitable[object]]) -> None:
    """Waits for what cannot call: a counter, a row, a process. Raises TimeoutError."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await fact():  # noqa: ASYNC110 - they cannot call
            await asyncio.sleep(_LOOK_SECONDS / 5)


async def rate(count: Count, seconds: float, *, most: int) -> float:
    """How fast the counter grows, from its first step on, for so many seconds or until it has grown by `most`.

    What comes before the first step (connecting, joining a group, a process that starts) is not counted. Raises TimeoutError.
    """
    loop = asyncio.get_running_loop()
    before = await count()

    async def has_begun() -> bool:
        return await count() > before

    await until(has_begun)
    began, now = loop.time(), await count()
    first, last = now, began
    async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
        while (last - began < seconds or now == first) and now - before < most:
            await asyncio.sleep(_LOOK_SECONDS)
            now, last = await count(), loop.time()
    return (now - first) / (last - began)


def while_runs(child: Child, count: Count) -> Count:
    """The same counter, which raises RuntimeError with the last words of a process that ended instead of counting on."""

    async def counted() -> int:
        if child.exit_code() is not None:
            raise RuntimeError(f"{child.name} ended: {child.last_words()}")
        return await count()

    return counted


async def fill_outbox(owner_url: str, rows: Iterable[OutboxRow]) -> str:
    """Copies the rows in; the snapshot from before them, which is where a relay begins that has sent all earlier ones."""
    connection = await asyncpg.connect(owner_url)
    try:
        before: str = await connection.fetchval("SELECT pg_current_snapshot()::text")
        waiting = iter(rows)
        while some := list(islice(waiting, _AT_ONCE)):
            await connection.execute("SELECT outbox_add_partitions()")
            await connection.copy_records_to_table("outbox", records=some, columns=columns.names(columns.OUTBOX))
    finally:
        await connection.close()
    return before


async def rewind(owner_url: str, snapshot: str) -> None:
    """Puts the relay's position back: what came after the snapshot is to be published, once more."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(
            "UPDATE relay_position SET prev = $1::text::pg_snapshot, cur = $1::text::pg_snapshot, last_id = 0", snapshot
        )
    finally:
        await connection.close()


async def drain(owner_url: str, url: str, kafka: Kafka, *, snapshot: str) -> float:
    """Lets our relay publish what came after the snapshot; the seconds until its position is behind the last row."""
    await rewind(owner_url, snapshot)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    database, watch = await Database.connect(url, size=3), await asyncpg.connect(url)

    async def is_done() -> bool:
        done = "SELECT cur::text = prev::text AND cur::text <> $1 FROM relay_position"
        return running.done() or bool(await watch.fetchval(done, snapshot))

    began = loop.time()
    running = asyncio.create_task(Relay(database, url, kafka, name="bench").run(stop))
    try:
        await until(is_done)
        return loop.time() - began
    finally:
        stop.set()
        await running
        await watch.close()
        await database.close()


async def readings_on(engines: Engines, count: int) -> None:
    """Makes `bench.events` and puts so many readings on it."""
    await engines.topic("bench.events")
    owner_url, url = await database_for(engines.postgres(), "readings")
    snapshot = await fill_outbox(owner_url, outbox_rows(count))
    await drain(owner_url, url, Kafka(*engines.kafka()), snapshot=snapshot)


@asynccontextmanager
async def records_on(kafka: Kafka, topic: str) -> AsyncIterator[Count]:
    """A counter of the topic's records."""
    client = AIOKafkaConsumer(**kafka.common(), enable_auto_commit=False)
    await client.start()
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]

    async def count() -> int:
        return sum((await client.end_offsets(places)).values())

    try:
        yield count
    finally:
        await client.stop()


@asynccontextmanager
async def rows_written(owner_url: str, sequence: str = "outbox_id_seq") -> AsyncIterator[Count]:
    """A counter of the rows that have taken an id of this sequence."""
    connection = await asyncpg.connect(owner_url)

    async def count() -> int:
        return int(await connection.fetchval(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"))

    try:
        yield count
    finally:
        await connection.close()
