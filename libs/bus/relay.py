"""The relay: from the outbox to Kafka, nothing lost, each aggregate in its order.

It publishes snapshot windows: the rows visible in snapshot `cur` and not in `prev`, by id. A row that commits late is not visible
in `cur`, so it belongs to a later window whatever its id. The position (prev, cur, last id) moves only after Kafka has
acknowledged, by compare-and-set, and only for the holder of the newest epoch; what is sent twice after a crash the inboxes know.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer

from libs.bus import locks
from libs.bus.kafka import Kafka
from libs.bus.metrics import events_published
from libs.bus.publisher import BATCH_BYTES, COLUMNS, Publisher
from libs.bus.waiting import within, woken_at
from libs.bus.waking import CHANNEL, notify
from libs.store import Database
from libs.store.database import LIVELY
from libs.store.pending import Left
from libs.store.reasons import reason

log = structlog.get_logger()
PAGE = 2000
IN_FLIGHT = 3
BEAT_SECONDS = 15 * 60.0
_STAND_BY_SECONDS = 0.5
# By the index on xid: a window is short and new, whatever the table holds. OFFSET 0 keeps the planner from walking all ids instead.
_NEWER = """
  SELECT * FROM outbox WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
  UNION ALL
  SELECT * FROM outbox WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
  OFFSET 0
"""
# All of a short window; of a long one any page, found without looking at the rest. What a statement sees is what is visible in its
# own snapshot: so one round trip takes the snapshot and reads the window that it closes. The first row stands for an empty one.
_LOOK = f"""
SELECT now.cur, found.* FROM (SELECT pg_current_snapshot()::text AS cur OFFSET 0) AS now LEFT JOIN (
    SELECT {COLUMNS} FROM ({_NEWER}) AS newer LIMIT $2
  ) AS found ON true ORDER BY found.id
"""
_FIRST = f"SELECT min(id) FROM ({_NEWER}) AS newer WHERE xid < pg_snapshot_xmax($2::text::pg_snapshot)"
# By id, page after page of a window that is longer than one: by xid each page would read all that is left of it.
_READ_ON = f"""
SELECT NULL AS cur, {COLUMNS} FROM outbox
 WHERE id > $3 AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
 ORDER BY id LIMIT $4
"""
# The newest of each key: what came in between nobody has to hear, and what is gone nobody may. One without a row in `states` is of
# code of before.
_NEWEST = f"""
SELECT NULL AS cur, {COLUMNS} FROM (
  SELECT DISTINCT ON (topic, key) o.id, topic, key, CASE WHEN s.version IS NULL THEN o.data ELSE s.data END AS data, o.event_id,
         coalesce(s.type, o.type) AS type, o.subject, o.account_id, coalesce(s.version, o.version) AS version,
         o.causation_id, o.actor, o.traceparent, o.time, o.headers
    FROM outbox AS o LEFT JOIN states AS s USING (topic, key) WHERE o.id = ANY($1::bigint[]) ORDER BY topic, key, o.id DESC
) AS newest
"""
_MOVE = """
UPDATE relay_position SET prev = $5::text::pg_snapshot, cur = $6::text::pg_snapshot, last_id = $7
 WHERE epoch = $1 AND (prev::text, cur::text, last_id) = ($2, $3, $4)
"""


_LEAD = "UPDATE relay_position SET epoch = epoch + 1 RETURNING epoch, prev::text, cur::text, last_id"


class LostLeadership(Exception):
    """Another relay has taken over this database; what it has not seen acknowledged it sends again."""


@dataclass(frozen=True)
class Position:
    """A window between two snapshots and the last id of it that Kafka has acknowledged."""

    prev: str
    cur: str
    last_id: int


@dataclass
class Sending:
    """A page on its way: where the position goes once Kafka has all of it."""

    position: Position
    rows: int
    acknowledgements: list["asyncio.Future[Any]"]


class Relay:
    """Publishes one database's outbox for as long as it runs and leads."""

    def __init__(
        self,
        database: Database,
        url: str,
        kafka: Kafka,
        *,
        name: str,
        state_topics: frozenset[str] = frozenset(),
        page: int = PAGE,
        in_flight: int = IN_FLIGHT,
        poll_seconds: float = 1.0,
        silence_seconds: float = 10.0,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self._database, self._url, self._kafka, self._name = database, url, kafka, name
        self._state_topics, self._page, self._in_flight, self._poll = state_topics, page, in_flight, poll_seconds
        self._silence, self._beat = silence_seconds, beat_seconds
        self._wake, self._left = asyncio.Event(), asyncio.Event()
        self._epoch = 0
        self._problem: str | None = "not connected yet"

    async def check(self) -> str | None:
        """None when events flow or another relay leads."""
        return self._problem

    async def run(self, stop: asyncio.Event) -> None:
        """Leads when nobody else does. Any error ends it; the worker starts it again from the stored position."""
        # The server ends a silent leader's session, and with it the lock: neither a half-open connection nor a process that
        # stands still may stop the events. A leader with nothing to do asks more often than that.
        settings = {**LIVELY, "idle_session_timeout": f"{self._silence * 1000:.0f}ms"}
        connection = await asyncpg.connect(self._url, timeout=10, command_timeout=30, server_settings=settings)
        try:
            await connection.add_listener(CHANNEL, self._hear)
            with self._database.waking(self._note, "events"), woken_at(stop, self._wake), woken_at(stop, self._left):
                if await self._comes_to_lead(connection, stop):
                    await self._lead(connection, stop)
        except Exception as error:
            self._problem = reason(error)
            raise
        finally:
            with suppress(Exception):
                await connection.close(timeout=2)

    async def _comes_to_lead(self, connection: "asyncpg.Connection[asyncpg.Record]", stop: asyncio.Event) -> bool:
        """Until another relay of this database is gone, its process is told of what is committed here. False: told to stop."""
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", locks.RELAY):
            self._problem = None
            if await within(_STAND_BY_SECONDS, self._left):
                self._left.clear()
                await notify(connection, "events")
            if stop.is_set():
                return False
        return True

    def _note(self, _: Left) -> None:
        self._left.set()
        self._wake.set()

    def _hear(self, *heard: Any) -> None:
        """A process of this service says what it has left. One of code before names nothing: it means events."""
        *_, what = heard
        if what in ("timers", "jobs"):
            self._database.wake(what)
        else:
            self._wake.set()

    async def _lead(self, connection: "asyncpg.Connection[asyncpg.Record]", stop: asyncio.Event) -> None:
        # A producer is used for one leadership only: after an error its sequence numbers may never fit again.
        producer = AIOKafkaProducer(**self._kafka.common(), enable_idempotence=True, max_batch_size=BATCH_BYTES)
        states = (
            AIOKafkaProducer(**self._kafka.common(), transactional_id=f"{self._name}-relay")
            if self._state_topics
            else None
        )
        try:
            await producer.start()
            if states:
                await states.start()
            # Last: who was fenced off meanwhile, or stood still until his session was ended, fails here before he has sent anything.
            row = await connection.fetchrow(_LEAD)
            assert row is not None
            # From here on only the position is written here, after Kafka has what it says: one that a crash loses is sent again.
            await connection.execute("SET synchronous_commit = off")
            self._epoch = row["epoch"]
            self._problem = None
            await self._publish(
                connection,
                Publisher(producer, states, self._state_topics),
                Position(row["prev"], row["cur"], row["last_id"]),
                stop,
            )
        finally:
            for client in filter(None, (producer, states)):
                with suppress(Exception):
                    await client.stop()

    async def _publish(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        publisher: Publisher,
        at: Position,
        stop: asyncio.Event,
    ) -> None:
        if at.cur != at.prev:
            at = await self._drain(connection, publisher, at)
        clock, next_beat = asyncio.get_running_loop().time, 0.0
        while not stop.is_set():
            self._wake.clear()
            if clock() >= next_beat:
                await publisher.beat()
                next_beat = clock() + self._beat
            rows = await connection.fetch(_LOOK, at.prev, self._page)
            if rows[0]["id"] is not None:
                at = await self._window(connection, publisher, at, Position(at.prev, rows[0]["cur"], 0), rows)
                continue
            await within(self._poll, self._wake)

    async def _window(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        publisher: Publisher,
        at: Position,
        window: Position,
        rows: Sequence[asyncpg.Record],
    ) -> Position:
        if len(rows) == self._page:  # more than a page: the window itself must survive a crash
            first = await connection.fetchval(_FIRST, window.prev, window.cur)
            window = Position(window.prev, window.cur, first - 1)
            await self._move(connection, at, window)
            return await self._drain(connection, publisher, window)
        await self._acknowledged(connection, await self._send(publisher, rows))
        events_published.inc(len(rows))
        closed = Position(window.cur, window.cur, 0)
        await self._move(connection, at, closed)
        return closed

    async def _drain(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        publisher: Publisher,
        at: Position,
    ) -> Position:
        """Publishes the rest of a window, a few pages in flight; the position follows the acknowledgements in order."""
        rows = await self._read(at, at.last_id)
        flying = asyncio.Queue[Sending | None](max(1, self._in_flight - 2))  # one is being built, one waited for
        try:
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(self._follow(connection, at, flying))
                while rows:
                    last_id, is_last = rows[-1]["id"], len(rows) < self._page
                    reading = None if is_last else tasks.create_task(self._read(at, last_id))  # while this one is built
                    flown = await self._send(publisher, rows)
                    await flying.put(Sending(Position(at.prev, at.cur, last_id), len(rows), flown))
                    rows = await reading if reading else ()
                await flying.put(None)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return following.result()

    async def _send(self, publisher: Publisher, rows: Sequence[asyncpg.Record]) -> list["asyncio.Future[Any]"]:
        """Facts as they were told, states as they are by now."""
        states = [row["id"] for row in rows if row["topic"] in self._state_topics] if self._state_topics else ()
        if not states:
            return await publisher.send(rows)
        async with self._database.pool.acquire() as connection:
            newest = await connection.fetch(_NEWEST, states)
        return await publisher.send([*newest, *(row for row in rows if row["topic"] not in self._state_topics)])

    async def _read(self, window: Position, last_id: int) -> Sequence[asyncpg.Record]:
        async with self._database.pool.acquire() as connection:
            return await connection.fetch(_READ_ON, window.prev, window.cur, last_id, self._page)

    async def _follow(
        self, connection: "asyncpg.Connection[asyncpg.Record]", at: Position, flying: "asyncio.Queue[Sending | None]"
    ) -> Position:
        while sending := await flying.get():
            await self._acknowledged(connection, sending.acknowledgements)
            events_published.inc(sending.rows)
            await self._move(connection, at, sending.position)
            at = sending.position
        closed = Position(at.cur, at.cur, 0)
        await self._move(connection, at, closed)
        return closed

    async def _move(self, connection: "asyncpg.Connection[asyncpg.Record]", old: Position, new: Position) -> None:
        moved = await connection.execute(
            _MOVE, self._epoch, old.prev, old.cur, old.last_id, new.prev, new.cur, new.last_id
        )
        if moved != "UPDATE 1":
            raise LostLeadership(f"the position is no longer {old} of epoch {self._epoch}")

    async def _acknowledged(
        self, connection: "asyncpg.Connection[asyncpg.Record]", futures: Sequence["asyncio.Future[Any]"]
    ) -> None:
        """Waits for Kafka, and says so when it takes long: the producer itself tries for ever in silence."""
        pending: set[asyncio.Future[Any]] = set(futures)
        while pending:
            _, pending = await asyncio.wait(pending, timeout=self._silence / 3)
            if pending:
                self._problem = "Kafka does not acknowledge"
                await connection.execute("SELECT 1")  # this leader is not silent
        await asyncio.gather(*futures)
        self._problem = None
