"""B2: the relay, against what the client alone can produce, what PostgreSQL alone can commit, Debezium, and faststream-outbox."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from deploy.local.postgres import binaries
from libs.bus.envelope import record_headers
from libs.bus.kafka import Kafka
from libs.bus.publisher import BATCH_BYTES, COLUMNS, Publisher
from libs.bus.relay import IN_FLIGHT, PAGE
from libs.store.runtime import columns
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.draining import drain, fill_outbox, rate, records_on, until, while_runs
from tests.bench.engines import Engines
from tests.bench.following import PUBLISHED
from tests.bench.peers.debezium import connect
from tests.bench.peers.environment import peer_python
from tests.bench.workload import PARTITIONS, outbox_rows
from tests.support.headers import headers_of
from tests.support.tables import database_for

ROWS = 200_000
_TIMES = 4  # as often are the same rows produced: all of them would not fit in memory beside the rest
CLIENTS = 16
LONG_SECONDS = 120.0  # for work that is done when it is done
Run = Callable[[Engines], AbstractAsyncContextManager[Measure]]


def relay(name: str, *, published_already: int = 0) -> Run:
    """Our relay; each sample publishes the same rows again, the position put back. Others may lie there from before."""

    @asynccontextmanager
    async def run(engines: Engines) -> AsyncIterator[Measure]:
        topic = await engines.topic(f"{name}.events")
        owner_url, url = await database_for(engines.postgres(), name)
        owner = await asyncpg.connect(owner_url)
        await owner.execute(PUBLISHED.format(rows=published_already))
        await owner.close()
        snapshot = await fill_outbox(owner_url, (row._replace(topic=topic) for row in outbox_rows(ROWS)))
        await engines.analyze(owner_url)

        async def measure(_: float) -> float:
            return ROWS / await drain(owner_url, url, Kafka(*engines.kafka()), snapshot=snapshot)

        yield measure

    return run


def produces(*, in_advance: bool) -> Run:
    """The same records by the same client, from rows in memory: made by the relay's own code while it sends, or before the clock starts."""

    @asynccontextmanager
    async def run(engines: Engines) -> AsyncIterator[Measure]:
        topic = await engines.topic(f"b2_produce_{in_advance:d}.events")
        rows = await _as_read(engines, topic)
        pages = [rows[n : n + PAGE] for n in range(0, len(rows), PAGE)] * _TIMES
        made = [_by_partition(page) for page in pages[: len(pages) // _TIMES]] * _TIMES if in_advance else []
        kafka = Kafka(*engines.kafka())
        producer = AIOKafkaProducer(**kafka.common(), enable_idempotence=True, max_batch_size=BATCH_BYTES)
        await producer.start()
        publisher = Publisher(producer, None, frozenset())

        async def measure(_: float) -> float:
            loop = asyncio.get_running_loop()
            began, flying = loop.time(), list[list[asyncio.Future[Any]]]()
            for n, page in enumerate(pages):
                if len(flying) == IN_FLIGHT:
                    await asyncio.gather(*flying.pop(0))
                flying.append(await (_sent(producer, topic, made[n]) if in_advance else publisher.send(page)))
            await asyncio.gather(*(future for futures in flying for future in futures))
            return ROWS / (loop.time() - began)

        try:
            yield measure
        finally:
            await producer.stop()

    return run


async def _as_read(engines: Engines, topic: str) -> list[asyncpg.Record]:
    """A part of the rows, as the relay reads them."""
    owner_url, _ = await database_for(engines.postgres(), topic.partition(".")[0])
    await fill_outbox(owner_url, (row._replace(topic=topic) for row in outbox_rows(ROWS // _TIMES)))
    owner = await asyncpg.connect(owner_url)
    try:
        return await owner.fetch(f"SELECT NULL AS cur, {COLUMNS} FROM outbox ORDER BY id")
    finally:
        await owner.close()


def _by_partition(page: Sequence[asyncpg.Record]) -> dict[int, list[dict[str, Any]]]:
    made: dict[int, list[dict[str, Any]]] = {}
    for _, _, _, key, data, *about in page:
        record = {"key": key.encode(), "value": data, "headers": record_headers(*about), "timestamp": None}
        made.setdefault((murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS, []).append(record)
    return made


async def _sent(
    producer: AIOKafkaProducer, topic: str, page: dict[int, list[dict[str, Any]]]
) -> list["asyncio.Future[Any]"]:
    futures = []
    for partition, records in page.items():
        batch = producer.create_batch()
        for record in records:
            if batch.append(**record) is None:
                futures.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(**record)
        futures.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.sleep(0)
    return futures


_STATE = """
CREATE TABLE moved_rows (id bigint PRIMARY KEY, changes bigint NOT NULL, changed_at timestamptz);
INSERT INTO moved_rows SELECT n, 0 FROM generate_series(1, 10000) n;
SELECT outbox_add_partitions(10000000);
"""
# 10000^random() is as skewed as Zipf's law. No colon anywhere: pgbench takes what follows for a variable, in a string too.
_PGBENCH = """
BEGIN;
UPDATE moved_rows SET changes = changes + 1, changed_at = now() WHERE id = (SELECT CAST(floor(10000 ^ random()) AS bigint));
INSERT INTO outbox (topic, key, event_id, type, subject, account_id, version, causation_id, actor, traceparent, time, data)
VALUES ('bench.events', uuidv7(), uuidv7(), 'polyplus.bench.reading-noted.v1', uuidv7(), uuidv7(), 1, uuidv7(), 'system.bench',
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', now(), convert_to(repeat('x', 400), 'UTF8'));
COMMIT;
"""


@asynccontextmanager
async def pgbench(engines: Engines) -> AsyncIterator[Measure]:
    """What commits at all: BEGIN, state, outbox, COMMIT by PostgreSQL's own load generator, 16 clients, prepared."""
    owner_url, _ = await database_for(engines.postgres(), "pgbench")
    owner = await asyncpg.connect(owner_url)
    await owner.execute(_STATE)
    await owner.close()
    script, at = engines.home / "pgbench.sql", urlsplit(owner_url)
    script.write_text(_PGBENCH)

    async def measure(seconds: float) -> float:
        how = f"-n -M prepared -c {CLIENTS} -j 2 -T {max(1, round(seconds))} -f {script}".split()
        where = ("-h", str(at.hostname), "-p", str(at.port), "-U", str(at.username), at.path[1:])
        child = await asyncio.create_subprocess_exec(
            str(binaries() / "pgbench"), *how, *where, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PGPASSWORD": str(at.password)},
        )  # fmt: skip
        told, _ = await child.communicate()
        found = re.search(r"tps = ([\d.]+)", told.decode())
        if child.returncode or not found:
            raise RuntimeError(f"pgbench: {told.decode()}")
        return float(found[1])

    yield measure


async def _plain_database(admin_url: str, name: str) -> str:
    admin = await asyncpg.connect(admin_url)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    return urlsplit(admin_url)._replace(path=f"/{name}").geturl()


@asynccontextmanager
async def debezium(engines: Engines) -> AsyncIterator[Measure]:
    """Debezium in Kafka Connect, up and warm; each sample commits the rows at once, and it is counted from the first that comes."""
    kafka, topic = engines.kafka(), await engines.topic("debezium.events")
    url = await _plain_database(engines.postgres(wal_level="logical"), "debezium")
    argv = await asyncio.to_thread(connect.command, engines.home / "debezium", url, kafka)
    owner = await asyncpg.connect(url)
    await owner.execute(connect.SCHEMA)
    worker = engines.start("debezium", argv, {})

    async def streams() -> object:
        return await owner.fetchval("SELECT active FROM pg_replication_slots")

    async with records_on(Kafka(*kafka), topic) as published:

        async def measure(_: float) -> float:
            counted = asyncio.create_task(rate(published, LONG_SECONDS, most=ROWS))
            rows = (row._replace(topic=topic) for row in outbox_rows(ROWS))
            async with owner.transaction():
                while some := list(islice(rows, 10_000)):
                    await owner.copy_records_to_table(
                        connect.TABLE, records=some, columns=columns.names(columns.OUTBOX)
                    )
            return await counted

        await until(streams)
        yield measure
    await asyncio.to_thread(engines.stop, worker)
    await owner.close()


_FASTSTREAM = """
INSERT INTO faststream_outbox (queue, payload, headers)
SELECT 'events', payload::bytea, headers::jsonb FROM unnest($1::bytea[], $2::text[]) AS u(payload, headers)
"""


@asynccontextmanager
async def faststream_outbox(engines: Engines) -> AsyncIterator[Measure]:
    """faststream-outbox in a process of its own, over a table that always has more."""
    topic, kafka = await engines.topic("faststream_outbox.events"), engines.kafka()
    url = await _plain_database(engines.postgres(), "faststream_outbox")
    app = [str(await asyncio.to_thread(peer_python)), "-m", "tests.bench.peers.faststream_outbox.app"]
    told = {"DATABASE": url, "BOOTSTRAP": kafka.bootstrap, "KAFKA_USER": kafka.user, "KAFKA_PASSWORD": kafka.password}
    environment = {**told, "TOPIC": topic}
    creating = engines.start("faststream_outbox_create", [*app, "create"], environment)

    async def is_created() -> bool:
        return creating.exit_code() is not None

    await until(is_created)
    owner = await asyncpg.connect(url)
    rows = outbox_rows(ROWS)
    while some := list(islice(rows, PAGE)):
        headers = [json.dumps({name: value.decode() for name, value in headers_of(row._asdict())}) for row in some]
        await owner.execute(_FASTSTREAM, [row.data for row in some], headers)
    await owner.execute("ANALYZE")
    await owner.close()
    async with records_on(Kafka(*kafka), topic) as published:

        async def measure(seconds: float) -> float:
            child = engines.start("faststream_outbox", app, environment)
            try:
                return await rate(while_runs(child, published), seconds, most=ROWS)
            finally:
                await asyncio.to_thread(engines.stop, child)

        yield measure


OURS, OURS_10, PRODUCE = "Poly+ relay", "Poly+ relay, 10× rows", "produce only, rows in memory"
IN_ADVANCE, COMMITS = "produce only, records in advance", "PostgreSQL's commits, 16 clients"
DEBEZIUM, FASTSTREAM = "Debezium in Kafka Connect", "faststream-outbox"
BENCH = Bench(
    "B2",
    "events published from the outbox",
    "/s",
    [
        Variant(OURS, "ours", relay("b2_relay")),
        Variant(OURS_10, "ours", relay("b2_relay_10", published_already=9 * ROWS)),
        Variant(PRODUCE, "limit", produces(in_advance=False)),
        Variant(IN_ADVANCE, "limit", produces(in_advance=True)),
        Variant(COMMITS, "limit", pgbench),
        Variant(DEBEZIUM, "peer", debezium),
        Variant(FASTSTREAM, "peer", faststream_outbox),
    ],
    [
        Bar(OURS, PRODUCE, 0.70, 0.90, "B2: the relay vs producing the same records"),
        Bar(OURS, COMMITS, 5, 8, "B2: the relay vs the commits that could fill it"),
        Bar(OURS, DEBEZIUM, 1, 2, "B2b: the relay vs Debezium"),
        Bar(OURS, FASTSTREAM, 25, 40, "B2b: the relay vs faststream-outbox"),
        Bar(OURS_10, OURS, 0.8, 0.95, "B2: with ten times the rows"),
    ],
)
