"""The consumer: every event of the topics a service hears, once, in order per key, through anything.

The stored offset is the truth; Kafka's committed offsets only hint at the lag. `expected` always is the stored `next` of a partition,
and what nobody here hears is passed over in memory: the position runs ahead of `expected` until the next batch takes the offset along,
or the next pause stores it. Whatever the client hands over that does not start at the position is discarded and sought again.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, NoOffsetForPartitionError

from libs.bus.batch import CLASHES, Fenced, Partition, bury, is_transient, work
from libs.bus.envelope import Delivery, delivery
from libs.bus.handlers import Handlers, working_on
from libs.bus.kafka import Kafka, close
from libs.bus.metrics import consumer_halted, events_handled, show_lag
from libs.bus.standing import SIGN_OF_LIFE_SECONDS, leave, say
from libs.bus.waiting import within
from libs.events import UnknownEvent
from libs.store import Database
from libs.store.reasons import reason

log = structlog.get_logger()
BATCH = 1000
CONCURRENCY = 4
_PROBE_SECONDS = SIGN_OF_LIFE_SECONDS
_HINT_SECONDS = 1.0
_GLANCE_SECONDS = 0.02  # how long a partition's new records may wait for another's batch
_STORE_SECONDS = 0.05  # how long the stored offset may lie behind what nobody hears
_STORE_AGAIN_SECONDS = 1.0  # the same after the database was in trouble
_STORE = """
UPDATE consumer_offsets AS o SET next = passed.upto
  FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS passed(topic, partition, expected, upto)
 WHERE (o.consumer, o.topic, o.partition, o.next) = ($1, passed.topic, passed.partition, passed.expected)
RETURNING o.topic, o.partition
"""
_KNOWN = """
INSERT INTO consumer_offsets (consumer, topic, partition, next) SELECT $1, topic, partition, 0
  FROM unnest($2::text[], $3::int[]) AS missing(topic, partition) ON CONFLICT DO NOTHING
"""
_PLACE = """
SELECT o.topic, o.partition, o.next FROM consumer_offsets o JOIN unnest($2::text[], $3::int[]) AS missing(topic, partition)
    ON (o.topic, o.partition) = (missing.topic, missing.partition) WHERE o.consumer = $1 FOR UPDATE OF o SKIP LOCKED
"""

_NO_ONES_FAULT = (Fenced, UnknownEvent)
"""What says nothing of the one event: it is never a dead letter for it."""


class Stalled(Exception):
    """The client has lag and hands nothing over: it is rebuilt."""


class Halted(Exception):
    """The consumer must not go on; an operator has to look."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of a service's consumer group."""

    def __init__(
        self,
        handlers: Handlers,
        database: Database,
        kafka: Kafka,
        *,
        batch: int = BATCH,
        concurrency: int = CONCURRENCY,
        dead_letter_limit: int = 10,
        stall_seconds: float = 30.0,
    ) -> None:
        self.handlers, self._database, self._kafka = handlers, database, kafka
        self._batch, self._limit, self._stall_seconds = batch, dead_letter_limit, stall_seconds
        self._concurrency, self._slots = concurrency, asyncio.Semaphore(concurrency)
        self._expected: dict[TopicPartition, int] = {}
        self._passed: dict[TopicPartition, int] = {}
        self._gaps: dict[TopicPartition, tuple[int, int]] = {}
        self._attempts: dict[TopicPartition, int] = {}
        self._clashes: dict[TopicPartition, int] = {}
        self._resting: dict[TopicPartition, float] = {}
        self._progress: dict[TopicPartition, float] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._parked_in_a_row: set[object] = set()
        self._problem: str | None = "not connected yet"
        self._member = uuid4()

    async def check(self) -> str | None:
        """None while it consumes."""
        return self._problem

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until told to stop. After Halted it stays silent, and not ready, until the process is restarted."""
        client = AIOKafkaConsumer(
            **self._kafka.common(), group_id=self.handlers.consumer, enable_auto_commit=False, auto_offset_reset="none",
            isolation_level="read_committed", session_timeout_ms=10_000, rebalance_timeout_ms=60_000,
            max_poll_interval_ms=120_000, fetch_max_wait_ms=500, max_partition_fetch_bytes=2 * 1024 * 1024,
        )  # fmt: skip
        self._forget(list(self._expected))
        client.subscribe(sorted(self.handlers.topics), listener=self)
        try:
            await client.start()
            await self._poll(client, stop)
        except Halted as halted:
            self._problem = str(halted)
            consumer_halted.set(1)
            log.critical("the consumer halted", reason=str(halted))
            await close(client)
            await self._stay_halted(stop)
        except Exception as error:
            self._problem = reason(error)
            raise
        finally:
            await close(client)
        await leave(self._database, self.handlers.consumer, self._member)

    async def _poll(self, client: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        hinted, store_at, probe = loop.time(), 0.0, 0.0
        working: dict[TopicPartition, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                await self._place(client)
                self._wake(client, loop.time())
                fetched = await self._fetch(client, working)
                working |= {tp: asyncio.create_task(self._work(client, tp, r)) for tp, r in fetched.items()}
                is_full = len(working) >= self._concurrency  # then the others wait for a turn, not for the client
                busy = set(self._expected) if is_full else set(working)
                if working and (is_full or not fetched):
                    await asyncio.wait(working.values(), timeout=_GLANCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for tp in [tp for tp, task in working.items() if task.done()]:
                    working.pop(tp).result()
                if self._passed and loop.time() > store_at:
                    is_stored = await self._store(working)
                    store_at = loop.time() + (_STORE_SECONDS if is_stored else _STORE_AGAIN_SECONDS)
                if loop.time() > probe:
                    await self._probe(client)
                    await self._say()
                    probe = loop.time() + _PROBE_SECONDS
                self._watch(client.assignment(), busy, loop.time())
                if loop.time() - hinted > 1:
                    hinted = loop.time()
                    await self._hint(client)
        finally:
            await asyncio.gather(*working.values(), return_exceptions=True)
        await self._store(())
        await self._hint(client)

    async def _fetch(
        self, client: AIOKafkaConsumer, working: Collection[TopicPartition]
    ) -> dict[TopicPartition, list[Any]]:
        """The next batch of partitions that nobody works on: each goes on by itself, and waits for no other."""
        assigned = client.assignment()
        idle = [tp for tp in assigned if tp not in working and tp in self._expected]
        if len(working) >= self._concurrency or (assigned and not idle):
            if not working:
                await asyncio.sleep(_GLANCE_SECONDS)  # none is placed yet
            return {}
        try:
            fetched: dict[TopicPartition, list[Any]] = await client.getmany(
                *idle, timeout_ms=0 if working else 20 if self._passed else 200, max_records=self._batch
            )
        except NoOffsetForPartitionError:
            return {}  # a partition just assigned; it is placed from the table
        return {tp: records for tp, records in fetched.items() if tp not in working}

    # --- where to read ---------------------------------------------------------------------------------------------

    async def _place(self, client: AIOKafkaConsumer) -> None:
        """Seeks what was assigned to its stored offset, here and not in the rebalance listener, which races the fetcher.

        A row that is locked is looked at again: a member that stands still may hold it, and the other partitions do not wait for that.
        """
        missing = [tp for tp in client.assignment() if tp not in self._expected]
        if not missing:
            return
        missing_ones = (self.handlers.consumer, [tp.topic for tp in missing], [tp.partition for tp in missing])
        async with self._database.pool.acquire() as connection:
            await connection.execute(_KNOWN, *missing_ones)
            stored = await connection.fetch(_PLACE, *missing_ones)
        for row in stored:
            tp = TopicPartition(row["topic"], row["partition"])
            with suppress(IllegalStateError):  # taken away meanwhile
                client.seek(tp, row["next"])
                client.resume(tp)  # it may have been forgotten while it rested
                self._expected[tp] = row["next"]

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._forget(list(revoked))

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's listener
        """Forgets all: until now `assignment()` still gave the old ones, and the poll loop may have placed them again."""
        self._forget(list(self._expected))

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        for tp in partitions:
            for known in (
                self._expected, self._passed, self._gaps, self._attempts, self._clashes, self._resting, self._progress
            ):  # fmt: skip
                known.pop(tp, None)

    # --- working a partition ---------------------------------------------------------------------------------------

    async def _work(self, client: AIOKafkaConsumer, tp: TopicPartition, records: Sequence[Any]) -> None:
        at = self._position(tp)
        records = [r for r in records if at is not None and r.offset >= at]
        if at is None or not records or self._is_out_of_place(client, tp, at, records[0].offset):
            return
        batch = [delivery(tp.topic, tp.partition, r.offset, r.key, r.headers, r.value) for r in records]
        if not any(map(self.handlers.hears, batch)):
            self._passed[tp] = batch[-1].offset + 1
            events_handled.inc(len(batch))
            return
        async with self._slots:
            try:
                await self._apply(tp, batch)
            except Fenced:
                log.warning("fenced", topic=tp.topic, partition=tp.partition, expected=self._expected.get(tp))
                self._forget([tp])
            except UnknownEvent as error:  # a member with newer code takes these partitions, or waits to be deployed
                raise Halted(f"{tp.topic}/{tp.partition} holds {error}, which is newer than this code") from error
            except Exception as error:
                if not is_transient(error, self._clashes.get(tp, 0)):
                    raise
                self._rest(client, tp, error)
            else:
                self._attempts.pop(tp, None)
                self._clashes.pop(tp, None)

    def _position(self, tp: TopicPartition) -> int | None:
        """The next offset to be looked at; None when the partition is not ours."""
        return self._passed.get(tp, self._expected.get(tp))

    def _is_out_of_place(self, client: AIOKafkaConsumer, tp: TopicPartition, at: int, first: int) -> bool:
        """A gap before the first record is sought once more; only if it is there again, the log itself has it."""
        if first == at or self._gaps.get(tp) == (at, first):
            return False
        self._gaps[tp] = (at, first)
        with suppress(IllegalStateError):
            client.seek(tp, at)
        return True

    async def _store(self, working: Collection[TopicPartition]) -> bool:
        """Stores how far was passed over, where no batch is about to. False when the database is in trouble that passes."""
        moves = [(tp, self._expected[tp], next) for tp, next in self._passed.items() if tp not in working]
        if not moves:
            return True
        columns = zip(*((tp.topic, tp.partition, expected, next) for tp, expected, next in moves), strict=True)
        try:
            async with self._database.pool.acquire() as connection:
                rows = await connection.fetch(_STORE, self.handlers.consumer, *columns)
        except Exception as error:
            if not is_transient(error, 0):
                raise
            log.warning("what was passed over is not stored yet", error=reason(error))
            return False
        stored = {TopicPartition(row["topic"], row["partition"]) for row in rows}
        for tp, expected, next in moves:
            if tp not in stored:
                log.warning("fenced", topic=tp.topic, partition=tp.partition, expected=expected)
                self._forget([tp])
            elif self._passed.get(tp) == next:
                self._move(tp, next)
        return True

    async def _apply(self, tp: TopicPartition, batch: Sequence[Delivery]) -> None:
        expected = self._expected.get(tp)
        if expected is None or batch[0].offset < expected:
            raise Fenced(f"{tp}: taken away while it waited for its turn")
        partition = Partition(self.handlers.consumer, tp.topic, tp.partition)
        try:
            applied = await work(self._database, self.handlers, partition, expected, batch, next=batch[-1].offset + 1)
        except Exception as error:
            if isinstance(error, _NO_ONES_FAULT) or is_transient(error, self._clashes.get(tp, 0)):
                raise
            await self._one_by_one(tp, partition, batch)
        else:
            self._move(tp, batch[-1].offset + 1)
            events_handled.inc(len(batch))
            if applied:
                self._parked_in_a_row.clear()

    async def _one_by_one(self, tp: TopicPartition, partition: Partition, batch: Sequence[Delivery]) -> None:
        """Finds the poison event among them, and parks its key."""
        for one in batch:
            expected = self._expected.get(tp)
            if expected is None or one.offset < expected:
                raise Fenced(f"{partition}: taken away meanwhile")
            try:
                if await self._work_one(partition, expected, one):
                    self._parked_in_a_row.clear()
            except Exception as error:
                if isinstance(error, _NO_ONES_FAULT) or is_transient(error, CLASHES):
                    raise
                await bury(self._database, partition, expected, one, error)
                self._parked_in_a_row.add((partition.topic, one.key))
                if len(self._parked_in_a_row) >= self._limit:
                    why = f"{self._limit} keys in a row were parked, the last for {reason(error)}"
                    raise Halted(f"{why}; is the deployed version at fault, or the log?") from error
            self._move(tp, one.offset + 1)
            events_handled.inc()

    async def _work_one(self, partition: Partition, expected: int, one: Delivery) -> int:
        """Two transactions that made the same row settle here: nothing is a dead letter for somebody else's batch."""
        clashes = 0
        while True:
            try:
                return await work(self._database, self.handlers, partition, expected, [one], next=one.offset + 1)
            except asyncpg.UniqueViolationError as error:
                if not is_transient(error, clashes):
                    raise
                clashes += 1

    def _move(self, tp: TopicPartition, next: int) -> None:
        if tp in self._expected:
            self._expected[tp] = next
            self._passed.pop(tp, None)

    # --- patience --------------------------------------------------------------------------------------------------

    def _rest(self, client: AIOKafkaConsumer, tp: TopicPartition, error: Exception) -> None:
        at = self._position(tp)
        if at is None:
            return  # taken away meanwhile: its next owner tries
        attempt = self._attempts[tp] = self._attempts.get(tp, 0) + 1
        self._clashes[tp] = self._clashes.get(tp, 0) + 1 if isinstance(error, asyncpg.UniqueViolationError) else 0
        seconds = min(5.0, 0.05 * 2 ** min(attempt, 8))
        with working_on(getattr(error, "delivery", None)):
            log.warning("trying again", topic=tp.topic, partition=tp.partition, seconds=seconds, error=reason(error))
        with suppress(IllegalStateError):
            client.seek(tp, at)
            client.pause(tp)
            self._resting[tp] = asyncio.get_running_loop().time() + seconds

    def _wake(self, client: AIOKafkaConsumer, now: float) -> None:
        for tp in [tp for tp, until in self._resting.items() if until <= now]:
            del self._resting[tp]
            with suppress(IllegalStateError):
                client.resume(tp)

    async def _probe(self, client: AIOKafkaConsumer) -> None:
        """Asks Kafka for the ends: the client itself keeps silent while the broker is away or its fetcher is stuck."""
        try:
            ends = await asyncio.wait_for(client.end_offsets(list(self._expected)), _PROBE_SECONDS)
        except (KafkaError, TimeoutError) as error:
            self._problem = f"Kafka does not answer: {reason(error)}"
        else:
            self._ends, self._problem = ends, None
            show_lag(ends, self._expected)

    def _watch(self, held: Collection[TopicPartition], busy: Collection[TopicPartition], now: float) -> None:
        for tp in self._expected:
            if tp not in held:
                continue
            behind = self._ends.get(tp, 0) > (self._position(tp) or 0)
            if tp in busy or tp in self._resting or not behind:
                self._progress[tp] = now
            elif now - self._progress.setdefault(tp, now) > self._stall_seconds:
                raise Stalled(f"{tp} has lag and makes no progress")

    async def _say(self, *, halted: str | None = None) -> None:
        lag = sum(max(0, self._ends.get(tp, 0) - (self._position(tp) or 0)) for tp in self._expected)
        await say(self._database, self.handlers.consumer, self._member, halted=halted, lag=lag)

    async def _stay_halted(self, stop: asyncio.Event) -> None:
        """Goes on saying so, until the process is restarted."""
        while not stop.is_set():
            await self._say(halted=self._problem)
            await within(SIGN_OF_LIFE_SECONDS, stop)

    async def _hint(self, client: AIOKafkaConsumer) -> None:
        offsets = {tp: next for tp, next in self._expected.items() if tp in client.assignment()}
        if not offsets:
            return
        try:
            await asyncio.wait_for(client.commit(offsets), _HINT_SECONDS)  # which tries for ever while Kafka is away
        except (CommitFailedError, IllegalStateError):
            self._forget(offsets)
        except (KafkaError, TimeoutError) as error:
            log.warning("the lag hint was not committed", error=reason(error))
