"""The consumer: every event of the topics a service hears, once, in order per key, through anything.

The stored offset is the truth; Kafka's committed offsets only hint at the lag. `Held.next` always is the stored offset of a partition,
and what nobody here hears is passed over in memory: the position runs ahead of `next` until the next batch takes the offset along,
or the next pause stores it. Whatever the client hands over that does not start at the position is discarded and sought again.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, NoOffsetForPartitionError

from libs.bus.applying import Applying, Halted, Held
from libs.bus.batch import Fenced, Partition, is_transient
from libs.bus.envelope import delivery
from libs.bus.handlers import Handlers, working_on
from libs.bus.kafka import Kafka, close
from libs.bus.metrics import consumer_halted, events_handled, show_lag
from libs.bus.passing import Passing
from libs.bus.standing import SIGN_OF_LIFE_SECONDS, leave, say
from libs.bus.waiting import unless, within, woken_at
from libs.events import UnknownEvent
from libs.store import Database
from libs.store.reasons import reason

log = structlog.get_logger()
BATCH = 1000
CONCURRENCY = 4
_PROBE_SECONDS = SIGN_OF_LIFE_SECONDS
_HINT_SECONDS = 1.0
_LONGEST_PAUSE = 5.0
_REST_SECONDS = 1.0
"""So long it waits for records at most."""
_TAKING_UP_SECONDS = 0.2
"""The same while a partition has no position yet."""
_GLANCE_SECONDS = 0.02
"""How long a partition's new records may wait for another's batch."""
_KNOWN = """
INSERT INTO consumer_offsets (consumer, topic, partition, next) SELECT $1, topic, partition, 0
  FROM unnest($2::text[], $3::int[]) AS missing(topic, partition) ON CONFLICT DO NOTHING
"""
_STORED = """
SELECT o.topic, o.partition, o.next FROM consumer_offsets o JOIN unnest($2::text[], $3::int[]) AS missing(topic, partition)
    ON (o.topic, o.partition) = (missing.topic, missing.partition) WHERE o.consumer = $1 FOR UPDATE OF o SKIP LOCKED
"""

Work = dict[TopicPartition, "asyncio.Task[None]"]


class Stalled(Exception):
    """The client has lag and hands nothing over: it is rebuilt."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of a service's consumer group. `held` are its partitions, once their stored offsets are known."""

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
        self.held: dict[TopicPartition, Held] = {}
        self._applying = Applying(database, handlers, dead_letter_limit=dead_letter_limit)
        self._passing = Passing(database, handlers.consumer)
        self._batch, self._stall_seconds = batch, stall_seconds
        self._concurrency, self._slots = concurrency, asyncio.Semaphore(concurrency)
        self._ends: dict[TopicPartition, int] = {}
        self._woken = asyncio.Event()
        self._problem: str | None = "not connected yet"
        self._member = uuid4()

    async def check(self) -> str | None:
        """None while it consumes."""
        return self._problem

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until told to stop. After Halted it stays silent, and not ready, until the process is restarted."""
        client = AIOKafkaConsumer(
            **self._kafka.common(),
            group_id=self.handlers.consumer,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=10_000,
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=120_000,
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=2 * 1024 * 1024,
        )
        self._forget(list(self.held))
        client.subscribe(sorted(self.handlers.topics), listener=self)
        try:
            await client.start()
            with woken_at(stop, self._woken):
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
        hinted, probe = loop.time(), 0.0
        working: Work = {}
        try:
            while not stop.is_set():
                self._woken.clear()
                await self._take_up(client)
                self._wake(client, loop.time())
                fetched = await self._fetch(client, working, loop.time())
                working |= {tp: asyncio.create_task(self._work(client, tp, r)) for tp, r in fetched.items()}
                is_full = self._is_full(working)  # then the others wait for a turn, not for the client
                busy = set(self.held) if is_full else set(working)
                if working and (is_full or not fetched):
                    await asyncio.wait(working.values(), timeout=_GLANCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for tp in [tp for tp, task in working.items() if task.done()]:
                    working.pop(tp).result()
                if self._passing.due is not None and loop.time() >= self._passing.due:
                    working |= self._begin_to_store(working)
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
        await asyncio.gather(*self._begin_to_store({}).values())
        await self._hint(client)

    def _is_full(self, working: Work) -> bool:
        return len(working) >= self._concurrency and len({*working.values()}) >= self._concurrency

    async def _fetch(self, client: AIOKafkaConsumer, working: Work, now: float) -> dict[TopicPartition, list[Any]]:
        """The next batch of partitions that nobody works on: each goes on by itself, and waits for no other."""
        assigned = client.assignment()
        idle = [tp for tp in assigned if tp not in working and tp in self.held]
        if self._is_full(working) or (assigned and not idle):
            if not working:
                await asyncio.sleep(_GLANCE_SECONDS)  # none is taken up yet
            return {}
        try:
            fetched = await self._next(client, idle, 0.0 if working else self._patience(assigned, now))
        except NoOffsetForPartitionError:
            return {}  # a partition just assigned; it is taken up at the stored offset
        return {tp: records for tp, records in fetched.items() if tp not in working}

    async def _next(
        self, client: AIOKafkaConsumer, idle: Collection[TopicPartition], seconds: float
    ) -> dict[TopicPartition, list[Any]]:
        """What comes within these seconds, or until it is woken."""
        coming = client.getmany(*idle, timeout_ms=int(seconds * 1000), max_records=self._batch)
        return await (unless(self._woken, coming) if seconds else coming) or {}

    def _patience(self, assigned: Collection[TopicPartition], now: float) -> float:
        """How long nothing but a record is to be waited for."""
        longest = _REST_SECONDS if len(self.held) >= len(assigned) else _TAKING_UP_SECONDS
        dues = [held.rests_until for held in self.held.values() if held.rests_until is not None]
        if self._passing.due is not None:
            dues.append(self._passing.due)
        return max(0.001, min([longest, *(due - now for due in dues)]))

    # --- where to read ---------------------------------------------------------------------------------------------

    async def _take_up(self, client: AIOKafkaConsumer) -> None:
        """Seeks what was assigned to its stored offset, here and not in the rebalance listener, which races the fetcher.

        A row that is locked is looked at again: a member that stands still may hold it, and the other partitions do not wait for that.
        """
        missing = [tp for tp in client.assignment() if tp not in self.held]
        if not missing:
            return
        consumer = self.handlers.consumer
        asked = (consumer, [tp.topic for tp in missing], [tp.partition for tp in missing])
        async with self._database.pool.acquire() as connection:
            await connection.execute(_KNOWN, *asked)
            stored = await connection.fetch(_STORED, *asked)
        for row in stored:
            tp = TopicPartition(row["topic"], row["partition"])
            with suppress(IllegalStateError):  # taken away meanwhile
                client.seek(tp, row["next"])
                client.resume(tp)  # it may have been forgotten while it rested
                self.held[tp] = Held(Partition(consumer, *tp), row["next"])

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._forget(list(revoked))

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's listener
        """Forgets all: until now `assignment()` still gave the old ones, and the poll loop may have taken them up again."""
        self._forget(list(self.held))
        self._woken.set()

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        for tp in partitions:
            if held := self.held.pop(tp, None):
                held.is_ours = False

    # --- working a partition ---------------------------------------------------------------------------------------

    async def _work(self, client: AIOKafkaConsumer, tp: TopicPartition, records: Sequence[Any]) -> None:
        held = self.held.get(tp)
        if held is None:
            return
        records = [r for r in records if r.offset >= held.position]
        if not records or self._leaves_a_gap(client, tp, held, records[0].offset):
            return
        batch = [delivery(tp.topic, tp.partition, r.offset, r.key, r.headers, r.value) for r in records]
        if not any(map(self.handlers.hears, batch)):
            self._passing.pass_over(held, batch[-1].offset + 1)
            events_handled.inc(len(batch))
            return
        async with self._slots:
            try:
                await self._applying.apply(held, batch)
            except Fenced:
                self._lose(tp, held)
            except UnknownEvent as error:  # a member with newer code takes these partitions, or waits to be deployed
                raise Halted(f"{held.partition} holds {error}, which is newer than this code") from error
            except Exception as error:
                if not is_transient(error, held.clashes):
                    raise
                self._rest(client, tp, held, error)
            else:
                held.attempts = held.clashes = 0

    def _leaves_a_gap(self, client: AIOKafkaConsumer, tp: TopicPartition, held: Held, first: int) -> bool:
        """A gap before the first record is sought once more; only if it is there again, the log itself has it."""
        gap = (held.position, first)
        if first == held.position or held.gap == gap:
            return False
        held.gap = gap
        with suppress(IllegalStateError):
            client.seek(tp, held.position)
        return True

    def _lose(self, tp: TopicPartition, held: Held) -> None:
        log.warning("fenced", topic=tp.topic, partition=tp.partition, expected=held.next)
        if held.is_ours:
            self._forget([tp])

    def _begin_to_store(self, working: Work) -> Work:
        """Stores how far was passed over, beside the loop; no batch of these partitions begins meanwhile."""
        self._passing.due = None
        free = {tp: held for tp, held in self.held.items() if self._passing.to_store(held, busy=tp in working)}
        return dict.fromkeys(free, asyncio.create_task(self._store(free))) if free else {}

    async def _store(self, partitions: Mapping[TopicPartition, Held]) -> None:
        for tp in await self._passing.store(partitions):
            self._lose(tp, partitions[tp])

    # --- patience --------------------------------------------------------------------------------------------------

    def _rest(self, client: AIOKafkaConsumer, tp: TopicPartition, held: Held, error: Exception) -> None:
        if not held.is_ours:
            return  # taken away meanwhile: its next owner tries
        held.attempts += 1
        held.clashes = held.clashes + 1 if isinstance(error, asyncpg.UniqueViolationError) else 0
        seconds = min(_LONGEST_PAUSE, 0.05 * 2 ** min(held.attempts, 8))
        with working_on(getattr(error, "delivery", None)):
            log.warning("trying again", topic=tp.topic, partition=tp.partition, seconds=seconds, error=reason(error))
        with suppress(IllegalStateError):
            client.seek(tp, held.position)
            client.pause(tp)
            held.rests_until = asyncio.get_running_loop().time() + seconds

    def _wake(self, client: AIOKafkaConsumer, now: float) -> None:
        for tp, held in self.held.items():
            if held.rests_until is not None and held.rests_until <= now:
                held.rests_until = None
                with suppress(IllegalStateError):
                    client.resume(tp)

    async def _probe(self, client: AIOKafkaConsumer) -> None:
        """Asks Kafka for the ends: the client itself keeps silent while the broker is away or its fetcher is stuck."""
        try:
            ends = await asyncio.wait_for(client.end_offsets(list(self.held)), _PROBE_SECONDS)
        except (KafkaError, TimeoutError) as error:
            self._problem = f"Kafka does not answer: {reason(error)}"
        else:
            self._ends, self._problem = ends, None
            show_lag(ends, {tp: held.next for tp, held in self.held.items()})

    def _watch(self, assigned: Collection[TopicPartition], busy: Collection[TopicPartition], now: float) -> None:
        for tp, held in self.held.items():
            if tp not in assigned:
                continue
            is_behind = self._ends.get(tp, 0) > held.position
            if held.progressed_at is None or tp in busy or held.rests_until is not None or not is_behind:
                held.progressed_at = now
            elif now - held.progressed_at > self._stall_seconds:
                raise Stalled(f"{tp} has lag and makes no progress")

    async def _say(self, *, halted: str | None = None) -> None:
        lag = sum(max(0, self._ends.get(tp, 0) - held.position) for tp, held in self.held.items())
        await say(self._database, self.handlers.consumer, self._member, halted=halted, lag=lag)

    async def _stay_halted(self, stop: asyncio.Event) -> None:
        """Goes on saying so, until the process is restarted."""
        while not stop.is_set():
            await self._say(halted=self._problem)
            await within(SIGN_OF_LIFE_SECONDS, stop)

    async def _hint(self, client: AIOKafkaConsumer) -> None:
        """Tells Kafka how far the stored offsets have moved since it was told last."""
        assigned = client.assignment()
        moved = {tp: held for tp, held in self.held.items() if tp in assigned and held.next != held.hinted}
        if not moved:
            return
        offsets = {tp: held.next for tp, held in moved.items()}
        try:
            await asyncio.wait_for(client.commit(offsets), _HINT_SECONDS)  # which tries for ever while Kafka is away
        except (CommitFailedError, IllegalStateError):
            self._forget(offsets)
        except (KafkaError, TimeoutError) as error:
            log.warning("the lag hint was not committed", error=reason(error))
        else:
            for tp, held in moved.items():
                held.hinted = offsets[tp]
