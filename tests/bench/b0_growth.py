"""B0: what one step costs when the tables hold ten times the rows (fifty times, for timers): it must not grow with them."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, islice
from statistics import median
from uuid import UUID, uuid4

import asyncpg

from libs.bus import Delivery, Handlers, Timers, relay
from libs.bus.batch import Partition, work
from libs.kit.auth import Principal
from libs.kit.paging import PageParams
from libs.store import Database, Entity, Scope, Transaction
from libs.store.ids import new_id
from services.activity.queries.events import list_events_route
from services.activity.queries.timeline import Timeline, list_timeline_route
from services.activity.reactions.append_events import append_events
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.workload import ReadingNoted, readings
from tests.support.tables import database_for

ONCE, ROWS, TIMERS = "1×", {"1×": 100_000, "10×": 1_000_000}, {"1×": 20_000, "50×": 1_000_000}
_WORKER = Scope.system("bench")
_PAGE, _BATCH, _DUE, _APPENDED = 1000, 500, 500, 200

Step = Callable[[], Awaitable[float]]
"""Does one step and gives its milliseconds; what it needs is made before the clock starts."""
Grown = Callable[[Engines, int], AsyncIterator[Step]]


class Device(Entity, table="devices"):
    """What a timer is about."""

    rings: int = 0


async def _ring(device: Device, tx: Transaction, detail: str) -> None:
    device.rings += 1


def _since(began: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - began) * 1000


async def a_relay_page(engines: Engines, rows: int) -> AsyncIterator[Step]:
    """A thousand new events found in an outbox with so many published ones."""
    owner_url, url = await database_for(engines.postgres(), f"b0_relay_{rows}")
    async with _connected(owner_url, url) as (owner, database):
        await owner.execute("SELECT outbox_add_partitions(5_000_000)")
        await owner.execute(_OUTBOX, rows)
        await engines.analyze(owner_url)
        seen: str = await owner.fetchval("SELECT pg_current_snapshot()::text")

        async def step() -> float:
            nonlocal seen
            await owner.execute(_OUTBOX, _PAGE)
            now: str = await owner.fetchval("SELECT pg_current_snapshot()::text")
            async with database.pool.acquire() as connection:
                began = time.perf_counter()
                found = await connection.fetch(relay._LOOK, seen, _PAGE)
                took = _since(began)
            assert len(found) == _PAGE
            seen = now
            return took

        yield step


async def a_consumed_batch(engines: Engines, rows: int) -> AsyncIterator[Step]:
    """Five hundred events claimed, beside an inbox and versions of so many."""
    owner_url, url = await database_for(engines.postgres(), f"b0_inbox_{rows}")
    handlers, topic = Handlers("bench"), ReadingNoted.contract.topic

    async def hear(event: ReadingNoted, tx: Transaction) -> None:
        pass

    handlers(ReadingNoted)(hear)
    async with _connected(owner_url, url) as (owner, database):
        await owner.execute(_INBOX, topic, rows)
        await owner.execute(_VERSIONS, topic, rows)
        await owner.execute("INSERT INTO consumer_offsets VALUES ('bench', $1, 0, 0)", topic)
        await engines.analyze(owner_url)
        events = _deliveries()
        partition, offsets = Partition("bench", topic, 0), count(0, _BATCH)

        async def step() -> float:
            batch, offset = list(islice(events, _BATCH)), next(offsets)
            began = time.perf_counter()
            await work(database, handlers, partition, offset, batch, next=offset + _BATCH)
            return _since(began)

        yield step


async def timers_fire(engines: Engines, rows: int) -> AsyncIterator[Step]:
    """Five hundred timers that are due, of the devices made last, beside so many timers that are not."""
    owner_url, url = await database_for(engines.postgres(), f"b0_timers_{rows}", Device)
    timers = Timers("bench")
    timers(Device, "ring")(_ring)
    async with _connected(owner_url, url) as (owner, database):
        await owner.execute(_DEVICES, rows)
        await owner.execute(_PARKED)
        await engines.analyze(owner_url)
        newest = await owner.fetch("SELECT id FROM devices ORDER BY id DESC LIMIT $1", TIMERS[ONCE])
        active, draw = [row["id"] for row in newest], random.Random(1)

        async def step() -> float:
            await owner.execute(_MADE_DUE, draw.sample(active, _DUE))
            began = time.perf_counter()
            fired = await timers.fire_due(database)
            assert fired == _DUE
            return _since(began)

        yield step


async def activity_appends(engines: Engines, rows: int) -> AsyncIterator[Step]:
    """Two hundred events appended to a log of so many."""
    async with _activity(engines, rows, "append") as (_, database):
        events = _deliveries()

        async def step() -> float:
            batch = [replace(d, time=datetime.now(UTC)) for d in islice(events, _APPENDED)]
            began = time.perf_counter()
            async with database.transaction(_WORKER) as tx:
                await append_events(batch, tx)
            return _since(began)

        yield step


async def a_timeline(engines: Engines, rows: int) -> AsyncIterator[Step]:
    """Ten cases of twenty events each, for the engineer, out of a log of so many."""
    async with _activity(engines, rows, "timeline") as (owner, database):
        cases = await owner.fetch("SELECT DISTINCT case_id FROM activity_events WHERE seq % 97 = 0 LIMIT 1000")
        engineer, turns = Principal(uuid4(), "an engineer", "engineer", frozenset()), count()

        async def step() -> float:
            began = time.perf_counter()
            for _ in range(10):
                case: UUID = cases[next(turns) % len(cases)]["case_id"]
                async with database.transaction(Scope("staff")) as tx:
                    page = await list_timeline_route(case, tx, engineer, Timeline(limit=50))
                assert len(page.items) == 20
            return _since(began)

        yield step


async def a_resumed_stream(engines: Engines, rows: int) -> AsyncIterator[Step]:
    """Twenty events after a place in the middle of a log of so many, for a customer's own account."""
    async with _activity(engines, rows, "resume") as (owner, database):
        account = await owner.fetchval("SELECT account_id FROM activity_events WHERE seq = $1", rows // 2)
        customer = Principal(uuid4(), "a customer", "customer", frozenset({account}))

        async def step() -> float:
            began = time.perf_counter()
            async with database.transaction(Scope("tenant", customer.accounts)) as tx:
                page = await list_events_route(PageParams(limit=20), tx, customer, after=rows // 2)
            assert len(page.items) == 20
            return _since(began)

        yield step


def _deliveries() -> Iterator[Delivery]:
    """Of aggregates that are as new as the events: what is at work is what was made last, in any table of any size."""
    subjects: dict[UUID, UUID] = defaultdict(new_id)
    for fact in readings(10_000_000):
        yield Delivery(
            topic=ReadingNoted.contract.topic, partition=0, offset=0, key=fact.device_id, event_id=new_id(),
            type=ReadingNoted.contract.ce_type, subject=subjects[fact.device_id], version=fact.number, time=fact.taken_at,
            actor="system:bench", account_id=fact.account_id, causation_id=None, traceparent=None,
            data=fact.model_dump_json().encode(),
        )  # fmt: skip


@asynccontextmanager
async def _connected(owner_url: str, url: str) -> AsyncIterator[tuple[asyncpg.Connection[asyncpg.Record], Database]]:
    owner, database = await asyncpg.connect(owner_url), await Database.connect(url, size=2)
    try:
        yield owner, database
    finally:
        await database.close()
        await owner.close()


@asynccontextmanager
async def _activity(
    engines: Engines, rows: int, name: str
) -> AsyncIterator[tuple[asyncpg.Connection[asyncpg.Record], Database]]:
    made = await engines.service_database("activity", f"b0_{name}_{rows}")
    async with _connected(*made) as (owner, database):
        await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
        await owner.execute(_EVENTS, rows)
        await owner.execute("INSERT INTO case_accounts SELECT DISTINCT case_id, account_id FROM activity_events")
        await owner.execute("INSERT INTO stream_position (last) VALUES ($1)", rows)
        await engines.analyze(made.owner_url)
        yield owner, database


_OUTBOX = """
INSERT INTO outbox (topic, key, event_id, type, subject, version, actor, time, data)
SELECT 'bench.events', gen_random_uuid(), uuidv7(), 'polyplus.bench.reading-noted.v1', gen_random_uuid(), n, 'system:bench', now(),
       convert_to(repeat('x', 400), 'UTF8') FROM generate_series(1, $1::bigint) n
"""
_INBOX = (
    "INSERT INTO inbox (consumer, topic, event_id) SELECT 'bench', $1, uuidv7() FROM generate_series(1, $2::bigint) n"
)
_VERSIONS = """
INSERT INTO consumed_versions (consumer, topic, subject, version)
SELECT 'bench', $1, uuidv7(), 1 FROM generate_series(1, $2::bigint) n
"""
_DEVICES = (
    "INSERT INTO devices (id, version, revision, rings) SELECT uuidv7(), 0, 0, 0 FROM generate_series(1, $1::bigint)"
)
_PARKED = """
INSERT INTO timers (aggregate, aggregate_id, kind, due_at)
SELECT 'Device', id, 'wait', now() + interval '30 days' + random() * interval '300 days' FROM devices
"""
_MADE_DUE = """
INSERT INTO timers (aggregate, aggregate_id, kind, due_at) SELECT 'Device', unnest($1::uuid[]), 'ring', clock_timestamp()
"""
# Twenty events a case and fifty cases an account for every thousand rows, the newest a minute ago, over two months.
_EVENTS = """
INSERT INTO activity_events (seq, event_id, topic, type, subject, version, case_id, account_id, account_seq, visibility, time, actor, data)
SELECT n, uuidv7(), 'cases.events', 'polyplus.cases.note-added.v2', gen_random_uuid(), 1,
       md5('case ' || n % ($1::bigint / 20))::uuid, md5('account ' || n % ($1::bigint / 20) % ($1::bigint / 1000))::uuid, n, 'public',
       now() - interval '1 minute' - interval '60 days' * (1 - n::float8 / $1::bigint), 'system:bench',
       jsonb_build_object('text', repeat('x', 360)) FROM generate_series(1, $1::bigint) n
"""


def _variant(name: str, grown: Grown, size: str, rows: int) -> Variant:
    @asynccontextmanager
    async def run(engines: Engines) -> AsyncIterator[Measure]:
        async with asynccontextmanager(grown)(engines, rows) as step:

            async def measure(seconds: float) -> float:
                end, took = time.monotonic() + seconds, [await step()]
                while time.monotonic() < end:
                    took.append(await step())
                return median(took)

            yield measure

    return Variant(f"{name}, {size}", "ours", run)


STEPS: tuple[tuple[str, Grown, dict[str, int]], ...] = (
    ("a page of 1,000 for the relay", a_relay_page, ROWS),
    ("a batch of 500 consumed", a_consumed_batch, ROWS),
    ("500 timers fired", timers_fire, TIMERS),
    ("200 events appended by activity", activity_appends, ROWS),
    ("ten timelines", a_timeline, ROWS),
    ("a page of a customer's stream", a_resumed_stream, ROWS),
)
BENCH = Bench(
    "B0",
    "what a step costs when the tables have grown",
    "ms",
    [_variant(name, grown, size, rows) for name, grown, sizes in STEPS for size, rows in sizes.items()],
    [
        Bar(f"{name}, {size}", f"{name}, {ONCE}", 1.25, 1.1, f"{name}: {size} rows vs {ONCE}", less_is_better=True)
        for name, _, sizes in STEPS
        for size in list(sizes)[1:]
    ],
)
