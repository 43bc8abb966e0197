"""B5: a hundred thousand timers due at once among a million that are not: locked, fired, their events in the outbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg

from deploy.local.waiting import until_async
from libs.bus import Timers
from libs.bus.timers import CLAIM, TimerLoop, next_due
from libs.store import Database, Entity, Transaction
from libs.store.runtime.columns import OUTBOX
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.workload import ACCOUNT, ReadingNoted, outbox_rows

DUE, PARKED, FIFTY_TIMES_LESS = 100_000, 1_000_000, 20_000
OURS, FEW, EFFECTS, CLAIM_ONLY = "Poly+ timers", "with a fiftieth parked", "its SQL alone", "the claim's SQL alone"
Work = Callable[[], Awaitable[None]]


class Device(Entity, table="bench_devices"):
    account_id: UUID
    state: str
    readings: int
    note: str


timers = Timers("bench")


@timers(Device, "reading_due")
async def note_reading(device: Device, tx: Transaction, _: str) -> None:
    device.readings += 1
    tx.emit(
        ReadingNoted(
            device_id=device.id, account_id=device.account_id, number=device.readings, taken_at=tx.now,
            temperature=21.5, note=device.note,
        )
    )  # fmt: skip


_MAKE = """
CREATE TABLE bench_devices (
    id uuid PRIMARY KEY, version bigint NOT NULL, revision bigint NOT NULL, account_id uuid NOT NULL, state text NOT NULL,
    readings bigint NOT NULL, note text NOT NULL
);
INSERT INTO bench_devices SELECT uuidv7(), 0, 0, '{account}', 'known', 0, repeat('x', 190) FROM generate_series(1, {due});
INSERT INTO timers (aggregate, aggregate_id, kind, due_at)
SELECT 'Device', uuidv7(), 'reading_due', app_now() + interval '1 year' FROM generate_series(1, {parked});
"""
_SET = """
INSERT INTO timers (aggregate, aggregate_id, kind, due_at)
SELECT 'Device', id, 'reading_due', app_now() FROM bench_devices ORDER BY random() LIMIT $1
"""


async def _prepared(engines: Engines, name: str, parked: int) -> str:
    """The run-time role's URL of a database with the devices, the parked timers, and nothing due."""
    made = await engines.service_database("activity", name)
    owner = await asyncpg.connect(made.owner_url)
    try:
        await owner.execute(_MAKE.format(account=ACCOUNT, due=DUE, parked=parked))
    finally:
        await owner.close()
    await engines.analyze(made.owner_url)
    return made.runtime_url


async def _rate(execute: Callable[..., Awaitable[object]], fire_all: Work, seconds: float) -> float:
    """Timers fired each second, until all that are due have been; a hundred thousand in a sample of full length."""
    due = min(DUE, int(DUE * seconds / 7))
    await execute(_SET, due)
    began = time.perf_counter()
    await fire_all()
    return due / (time.perf_counter() - began)


async def _none_is_due(database: Database) -> bool:
    _, seconds = await next_due(database)
    return seconds > 0


@asynccontextmanager
async def ours(engines: Engines, *, name: str, parked: int) -> AsyncIterator[Measure]:
    """The loop that every worker runs."""
    database = await Database.connect(await _prepared(engines, name, parked), size=4)
    try:
        async with database.pool.acquire() as connection:

            async def fire_all() -> None:
                stop, loop = asyncio.Event(), TimerLoop(timers, database)
                running = asyncio.create_task(loop.run(stop))
                await until_async(lambda: _none_is_due(database), seconds=600, otherwise="timers are still due")
                stop.set()
                loop.wake()
                await running

            yield partial(_rate, connection.execute, fire_all)
    finally:
        await database.close()


_NOW = "SELECT app_now(), set_config('polyplus.scope', 'worker', true), set_config('polyplus.accounts', '', true)"
_DUE_IDS = "SELECT aggregate_id FROM timers WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
_LOCK = "SELECT id FROM bench_devices WHERE id = ANY($1) ORDER BY id FOR UPDATE SKIP LOCKED"
_TAKE = (
    "DELETE FROM timers WHERE aggregate_id = ANY($1) AND due_at <= $2 RETURNING aggregate_id, kind, due_at, generation"
)
_CHANGE = """
UPDATE bench_devices SET version = version + 1, revision = revision + 1, readings = readings + 1 WHERE id = ANY($1)
"""


@asynccontextmanager
async def by_sql(engines: Engines, *, name: str, effects: bool) -> AsyncIterator[Measure]:
    """The same statements on one connection with nothing of ours between; with `effects`, rows made beforehand."""
    connection = await asyncpg.connect(await _prepared(engines, name, PARKED))
    rows = list(outbox_rows(CLAIM))
    columns = [column for column, _ in OUTBOX]
    typed = ", ".join(f"${i}::{kind}[]" for i, (_, kind) in enumerate(OUTBOX, 1))
    emit = f"INSERT INTO outbox ({', '.join(columns)}) SELECT * FROM unnest({typed})"

    async def claim() -> int:
        async with connection.transaction():
            now: datetime = await connection.fetchval(_NOW)
            due = [row[0] for row in await connection.fetch(_DUE_IDS, now, CLAIM)]
            locked = [row[0] for row in await connection.fetch(_LOCK, sorted(due))]
            taken = await connection.fetch(_TAKE, locked, now)
            if effects and taken:
                await connection.execute(_CHANGE, locked)
                await connection.execute(emit, *zip(*rows[: len(taken)], strict=True))
        return len(taken)

    async def fire_all() -> None:
        while await claim():
            continue

    try:
        yield partial(_rate, connection.execute, fire_all)
    finally:
        await connection.close()


BENCH = Bench(
    "B5",
    f"{DUE:,} timers due at once, {PARKED:,} parked; aggregates locked first",
    "/s",
    [
        Variant(OURS, "ours", partial(ours, name="b5_ours", parked=PARKED)),
        Variant(FEW, "route", partial(ours, name="b5_few", parked=FIFTY_TIMES_LESS)),
        Variant(EFFECTS, "limit", partial(by_sql, name="b5_effects", effects=True)),
        Variant(CLAIM_ONLY, "limit", partial(by_sql, name="b5_claim", effects=False)),
    ],
    [
        Bar(OURS, EFFECTS, 0.45, 0.65, "timers, events by pydantic, vs their SQL with prebuilt rows"),
        Bar(OURS, FEW, 0.80, 0.95, "50 times as many parked vs a fiftieth"),
    ],
)
