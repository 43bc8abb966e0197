"""A projection is read anew from the log into a shadow of its table, and the table is mended where it differs (docs/adr).

Nothing is emitted, nobody is notified, no other table is touched. Consumption goes on meanwhile: the shadow follows it up to the
stored offsets, then those are locked for the last few events and the mending, all in one transaction. A rebuild that dies has
changed nothing; the next one begins again.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import asyncpg

from libs.bus import locks
from libs.bus.envelope import Delivery, first_of_each
from libs.bus.handlers import Handlers
from libs.bus.log import Log, Offsets
from libs.bus.projections import SHADOW, Difference, Rebuildable
from libs.store import Database, Scope
from libs.store.database import LIVELY

_OFFSETS = "SELECT topic, partition, next FROM consumer_offsets WHERE consumer = $1 AND topic = ANY($2) ORDER BY topic, partition"
_UNHANDLED = """
SELECT topic, partition, record_offset, status = 'discarded' AS is_given_up FROM dead_letters
 WHERE consumer = $1 AND topic = ANY($2) AND status IN ('dead', 'waiting', 'discarded')
"""
_NEW = "INSERT INTO read_events SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id"
_NOT_FOR_EVER = {**LIVELY, "idle_in_transaction_session_timeout": "30s"}
"""The offsets are locked while the last events are read: a rebuild that stands still must not hold up consumption for ever."""
_FEW = 2000
_ROUNDS = 20
Progress = Callable[[int, int], None]
At = tuple[str, int, int]


class RebuildBusy(Exception):
    """Another rebuild is at work in this database, or what has to be locked stays locked by others."""


@dataclass(frozen=True)
class Rebuilt:
    """`events` were read; `differences` is what the table had wrong; consumption stood still for `held_seconds`."""

    projection: str
    events: int
    differences: list[Difference]
    held_seconds: float


class _OnlyChecked(Exception):
    """What was mended is taken back."""


class _LettersMoved(Exception):
    """A dead letter that was left out has been handled or given up meanwhile: the shadow lacks it, in its order."""


async def rebuild(
    owner_url: str,
    on: Handlers,
    projection: Rebuildable,
    log: Log,
    *,
    check: bool = False,
    progress: Progress = lambda _read, _of: None,
) -> Rebuilt:
    """Mends the projection's table, or with `check` only tells what differs. `owner_url` is the owner's, who may make tables.

    Raises RebuildBusy, LogUnavailable, or what a handler raised.
    """
    async with _alone(owner_url) as connection:
        while True:
            with suppress(_LettersMoved):
                async with (
                    _shadow(connection, owner_url, projection) as shadow,
                    _one_connection(owner_url, lock_timeout="30s", **_NOT_FOR_EVER) as live,
                ):
                    handlers = projection.handlers(on)
                    reading = _Reading(on.consumer, projection, handlers, log, shadow, progress)
                    for _ in range(_ROUNDS):
                        if await reading.follow(connection) <= _FEW:
                            break
                    return await _mend(reading, live, check=check)


async def _mend(reading: "_Reading", live: Database, *, check: bool) -> Rebuilt:
    """The last events and the mending, while consumption waits."""
    began = time.monotonic()
    found: list[Difference] = []
    with suppress(_OnlyChecked):
        async with live.transaction(Scope.system(reading.consumer)) as tx:
            await reading.follow(tx.connection, lock=" FOR UPDATE")
            found = await reading.projection.mend(tx, reading.shadow)
            if check:
                raise _OnlyChecked
    return Rebuilt(reading.projection.name, reading.events, found, time.monotonic() - began)


@asynccontextmanager
async def _alone(owner_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", locks.REBUILD):
            raise RebuildBusy("another rebuild is at work in this database")
        yield connection
    except asyncpg.LockNotAvailableError as error:
        raise RebuildBusy("what the rebuild has to lock stays locked by others") from error
    finally:
        await connection.close()


@asynccontextmanager
async def _shadow(
    connection: "asyncpg.Connection[asyncpg.Record]", owner_url: str, projection: Rebuildable
) -> AsyncIterator[Database]:
    """A database in which the projection's tables are empty ones of its own."""
    tables = [f'CREATE UNLOGGED TABLE {SHADOW}."{t}" (LIKE public."{t}" INCLUDING ALL)' for t in projection.tables]
    drop = f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE"
    read = f"CREATE UNLOGGED TABLE {SHADOW}.read_events (event_id uuid PRIMARY KEY)"
    await connection.execute("; ".join([drop, f"CREATE SCHEMA {SHADOW}", *tables, read]))
    try:
        # a plan made for an empty table would be kept while it fills
        settings = {
            "search_path": f"{SHADOW}, public",
            "synchronous_commit": "off",
            "plan_cache_mode": "force_custom_plan",
        }
        async with _one_connection(owner_url, **settings) as database:
            yield database
    finally:
        if not connection.is_closed():
            await connection.execute(drop)


@asynccontextmanager
async def _one_connection(url: str, **settings: str) -> AsyncIterator[Database]:
    async with asyncpg.create_pool(url, min_size=1, max_size=1, timeout=10, server_settings=settings) as pool:
        yield Database(pool)


@dataclass
class _Reading:
    """The shadow as it follows what was consumed."""

    consumer: str
    projection: Rebuildable
    handlers: Handlers
    log: Log
    shadow: Database
    progress: Progress
    events: int = 0
    _at: Offsets = field(default_factory=dict)
    _left_out: frozenset[tuple[At, bool]] = frozenset()

    async def follow(self, connection: "asyncpg.Connection[asyncpg.Record]", *, lock: str = "") -> int:
        """Up to the offsets that are stored now; how many events that took."""
        topics, before = list(self.handlers.topics), self.events
        stored = {
            (row["topic"], row["partition"]): row["next"]
            for row in await connection.fetch(_OFFSETS + lock, self.consumer, topics)
        }
        # a dead letter commits with the offset that passes it, so those of every event before `stored` are seen now
        letters = await connection.fetch(_UNHANDLED, self.consumer, topics)
        unhandled = {(row["topic"], row["partition"], row["record_offset"]): row["is_given_up"] for row in letters}
        if self._left_out - unhandled.items():
            raise _LettersMoved
        self._left_out = frozenset(unhandled.items())
        async for batch in self.log.read(self._at, stored):
            await self._apply(batch, unhandled)
            self.events += len(batch)
            self.progress(self.events, sum(stored.values()))
        self._at = stored
        return self.events - before

    async def _apply(self, batch: list[Delivery], unhandled: Mapping[At, bool]) -> None:
        """What was given up is known from then on, as to the inbox: a later copy of it is passed over too."""
        heard = [d for d in batch if self.handlers.hears(d) and unhandled.get(_at_of(d), True)]
        async with self.shadow.transaction(Scope.system(self.consumer), rebuilding=self.projection.name) as tx:
            new = {row["event_id"] for row in await tx.connection.fetch(_NEW, [d.event_id for d in heard])}
            known = {d.event_id for d in heard} - new
            fresh = [d for d in first_of_each(heard, known) if _at_of(d) not in unhandled]
            if fresh:
                try:
                    await self.handlers.apply(fresh, tx)
                except Exception as error:
                    first, last = fresh[0], fresh[-1]
                    error.add_note(f"among {first.topic}/{first.partition}, offsets {first.offset} to {last.offset}")
                    raise


def _at_of(d: Delivery) -> At:
    return d.topic, d.partition, d.offset
