"""B3: the consumer, its handlers plain and asking, against FastStream by the message and by the batch, and against the bare transactions."""

import asyncio
import gc
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.batch import Partition, work
from libs.bus.consumer import BATCH, CONCURRENCY, Consumer
from libs.bus.envelope import Delivery, delivery
from libs.bus.kafka import Kafka
from libs.store import Database
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.draining import rate, readings_on, rows_written, while_runs
from tests.bench.engines import Engines
from tests.bench.following import ROWS, Place, connected, handlers, place_with
from tests.bench.peers.environment import peer_python
from tests.bench.workload import PARTITIONS

READINGS = 200_000
IN_MEMORY = 120_000  # as many of each partition
_TOPIC = "bench.events"
_PATIENCE_MS = 10_000
_names = count(1)
Run = Callable[[Engines], AbstractAsyncContextManager[Measure]]


async def _prepared(engines: Engines, *, rows: int) -> Place:
    if "readings" not in engines.made:
        engines.made.add("readings")
        await readings_on(engines, READINGS)
    return await place_with(engines, f"b3_{next(_names)}", rows=rows)


def ours(*, asking: bool, rows: int = ROWS) -> Run:
    """Our consumer; each sample under a name that has read nothing yet."""

    @asynccontextmanager
    async def run(engines: Engines) -> AsyncIterator[Measure]:
        place = await _prepared(engines, rows=rows)
        async with connected(place) as database, rows_written(place.owner_url) as written:

            async def measure(seconds: float) -> float:
                _settle()
                stop = asyncio.Event()
                consumer = Consumer(handlers(f"b3_{next(_names)}", asking=asking), database, place.kafka)
                running = asyncio.create_task(consumer.run(stop))
                try:
                    return await rate(written, seconds, most=READINGS)
                finally:
                    stop.set()
                    await running

            yield measure

    return run


def bare(*, asking: bool) -> Run:
    """The same transactions on the same records, fetched before the clock starts."""

    @asynccontextmanager
    async def run(engines: Engines) -> AsyncIterator[Measure]:
        place = await _prepared(engines, rows=ROWS)
        records = await _fetched(place.kafka)
        async with connected(place) as database, rows_written(place.owner_url) as written:

            async def measure(seconds: float) -> float:
                _settle()
                running = asyncio.create_task(_replay(database, records, asking=asking))
                try:
                    return await rate(written, seconds, most=IN_MEMORY)
                finally:
                    running.cancel()
                    await asyncio.gather(running, return_exceptions=True)

            yield measure

    return run


Raw = tuple[int, bytes, Sequence[tuple[str, bytes]], bytes]


async def _fetched(kafka: Kafka) -> dict[int, list[Raw]]:
    client = AIOKafkaConsumer(**kafka.common(), enable_auto_commit=False)
    await client.start()
    found: dict[int, list[Raw]] = defaultdict(list)
    try:
        places = [TopicPartition(_TOPIC, partition) for partition in range(PARTITIONS)]
        client.assign(places)
        await client.seek_to_beginning(*places)
        share = IN_MEMORY // PARTITIONS
        while wanting := [place for place in places if len(found[place.partition]) < share]:
            fetched = await client.getmany(*wanting, timeout_ms=_PATIENCE_MS)
            if not fetched:
                raise RuntimeError(f"{wanting} have fewer than {share} records")
            for place, records in fetched.items():
                found[place.partition] += [(r.offset, r.key, r.headers, r.value) for r in records]
    finally:
        await client.stop()
    return {partition: records[:share] for partition, records in found.items()}


async def _replay(database: Database, records: dict[int, list[Raw]], *, asking: bool) -> None:
    on = handlers(f"b3_{next(_names)}", asking=asking)
    async with database.pool.acquire() as connection:
        for partition in records:
            await connection.execute(
                "INSERT INTO consumer_offsets VALUES ($1, $2, $3, 0)", on.consumer, _TOPIC, partition
            )
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(partition: int) -> None:
        whole, expected = Partition(on.consumer, _TOPIC, partition), 0
        for at in range(0, len(records[partition]), BATCH):
            async with slots:
                batch: list[Delivery] = [
                    delivery(_TOPIC, partition, offset, key, headers, value)
                    for offset, key, headers, value in records[partition][at : at + BATCH]
                ]
                await work(database, on, whole, expected, batch, next=batch[-1].offset + 1)
                expected = batch[-1].offset + 1

    await asyncio.gather(*map(one, records))


def faststream(mode: str) -> Run:
    """FastStream in a process of its own; each sample in a group that has read nothing yet."""

    @asynccontextmanager
    async def run(engines: Engines) -> AsyncIterator[Measure]:
        place = await _prepared(engines, rows=ROWS)
        python = str(await asyncio.to_thread(peer_python))
        async with rows_written(place.owner_url) as written:

            async def measure(seconds: float) -> float:
                environment = place.environment(MODE=mode, GROUP=f"b3_{next(_names)}", TOPIC=_TOPIC)
                argv = [python, "-m", "tests.bench.peers.faststream_consumer.app"]
                child = engines.start(f"faststream_{mode}", argv, environment)
                try:
                    return await rate(while_runs(child, written), seconds, most=READINGS)
                finally:
                    await asyncio.to_thread(engines.stop, child)

            yield measure

    return run


def _settle() -> None:
    """As a service's process does when it has started."""
    gc.collect()
    gc.freeze()


PLAIN, PLAIN_10, ASKING = "Poly+, plain handlers", "Poly+, plain, 10× rows", "Poly+, handlers that query"
MESSAGE, BULK, QUERYING = "FastStream per message", "FastStream batch, bulk", "FastStream batch, querying"
BARE, BARE_ASKING = "bare transactions, bulk", "bare transactions, querying"
BENCH = Bench(
    "B3",
    "events consumed: inbox, state and outbox for each, once",
    "/s",
    [
        Variant(PLAIN, "ours", ours(asking=False)),
        Variant(PLAIN_10, "ours", ours(asking=False, rows=10 * ROWS)),
        Variant(ASKING, "ours", ours(asking=True)),
        Variant(MESSAGE, "peer", faststream("message")),
        Variant(BULK, "peer", faststream("bulk")),
        Variant(QUERYING, "peer", faststream("querying")),
        Variant(BARE, "limit", bare(asking=False)),
        Variant(BARE_ASKING, "limit", bare(asking=True)),
    ],
    [
        Bar(PLAIN, MESSAGE, 20, 50, "B3: plain handlers vs FastStream per message"),
        Bar(ASKING, MESSAGE, 12, 20, "B3g: handlers that query vs FastStream per message"),
        Bar(PLAIN, BULK, 1.2, 1.6, "B3b: plain handlers vs FastStream by the batch, raw unnest"),
        Bar(ASKING, QUERYING, 1.5, 3, "B3b: handlers that query vs FastStream by the batch, querying"),
        Bar(PLAIN, BARE, 0.60, 0.75, "B3c: plain handlers vs the same transactions without Kafka"),
        Bar(ASKING, BARE_ASKING, 0.85, 0.92, "B3c: handlers that query vs the same without Kafka"),
        Bar(PLAIN_10, PLAIN, 0.8, 0.95, "B3: with ten times the rows"),
    ],
)
