"""A consumer whose log, time and poison a test decides, and the same consumer as a model that forgets nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.bus import Handlers
from libs.bus.batch import Partition, bury, work
from libs.bus.envelope import Delivery
from libs.bus.kafka import Kafka
from libs.bus.replay import discard, replay
from libs.bus.tests.stage import WORKER, Stage, Tally
from libs.events import Event
from libs.store import Database, Transaction
from libs.store.ids import derived, new_id
from tests.support.tables import lent_database

_STAMPS = (
    ("inbox", "received_at"),
    ("inbox_marks", "at"),
    ("consumed_versions", "raised_at"),
    ("dead_letters", "at"),
    ("idempotency_keys", "created_at"),
)
_TABLES = ("inbox", "inbox_marks", "consumed_versions", "consumer_offsets", "parked_keys", "dead_letters", "tallies")


def delivered(topic: str, event: Event, version: int, *, key: UUID | None = None) -> Delivery:
    """The event as it would come from Kafka, at the first offset."""
    return Delivery(
        topic=topic,
        partition=0,
        offset=0,
        key=key or event.subject,
        event_id=new_id(),
        type=event.contract.ce_type,
        subject=event.subject,
        version=version,
        time=datetime.now(UTC),
        actor="system:test",
        account_id=None,
        causation_id=None,
        traceparent=None,
        data=event.model_dump_json().encode(),
    )


@dataclass
class Log:
    """One partition."""

    stage: Stage
    records: list[Delivery] = field(default_factory=list)
    versions: dict[UUID, int] = field(default_factory=dict)

    def publish(self, key: UUID) -> None:
        version = self.versions[key] = self.versions.get(key, 0) + 1
        event = self.stage.ThingMoved(thing_id=key, n=version)
        self._append(delivered(self.stage.topic, event, version))

    def repeat(self, record: Delivery) -> None:
        self._append(record)

    def resend(self, within: int) -> None:
        """What a relay has under way when it dies comes again: as much of the end as repeats nothing older than `within`."""
        first = {d.event_id: d.offset for d in reversed(self.records)}
        for count in range(within // 2, 0, -1):
            end = self.records[-count:]
            if all(len(self.records) + len(end) - first[d.event_id] <= within for d in end):
                for record in end:
                    self._append(record)
                return

    def _append(self, record: Delivery) -> None:
        self.records.append(replace(record, offset=len(self.records)))


class Reader:
    """A consumer group on the log, through the very code of the runtime."""

    def __init__(self, stage: Stage, log: Log, name: str) -> None:
        self.stage, self.log, self.next, self.poison = stage, log, 0, set[tuple[UUID, int]]()
        self.handlers = Handlers(name)
        self.partition = Partition(name, stage.topic, 0)

        async def append(event: Any, tx: Transaction) -> None:
            if (event.thing_id, event.n) in self.poison:
                raise ValueError("a poison event")
            id = derived(event.thing_id, name)
            found = await Tally.find(id, tx, lock=True) or tx.add(Tally(id=id))
            found.numbers.append(event.n)

        self.handlers(stage.ThingMoved)(append)

    async def read(self, count: int) -> None:
        await self.stage.fetchval(
            "INSERT INTO consumer_offsets VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING",
            self.partition.consumer,
            self.partition.topic,
        )
        batch = self.log.records[self.next : self.next + count]
        try:
            await self._work(batch)
        except ValueError:
            for one in batch:
                await self._work_or_bury(one)

    async def _work(self, batch: list[Delivery]) -> None:
        if batch:
            next = batch[-1].offset + 1
            await work(self.stage.database, self.handlers, self.partition, self.next, batch, next=next)
            self.next = next

    async def _work_or_bury(self, one: Delivery) -> None:
        try:
            await self._work([one])
        except ValueError as error:
            await bury(self.stage.database, self.partition, self.next, one, error)
            self.next += 1

    async def replay(self, key: UUID) -> None:
        await replay(self.stage.database, self.handlers, self.stage.topic, key)

    async def discard(self, key: UUID) -> None:
        await discard(self.stage.database, self.handlers, self.stage.topic, key)

    async def numbers(self, key: UUID) -> list[int]:
        async with self.stage.database.transaction(WORKER) as tx:
            found = await Tally.find(derived(key, self.partition.consumer), tx)
        return found.numbers if found else []


@dataclass
class Model:
    """The reader again, with an inbox that is never swept."""

    log: Log
    poison: set[tuple[UUID, int]]
    next: int = 0
    known: set[UUID] = field(default_factory=set)
    lines: dict[UUID, list[Delivery]] = field(default_factory=dict)
    numbers: dict[UUID, list[int]] = field(default_factory=dict)

    def read(self, count: int) -> None:
        for record in self.log.records[self.next : self.next + count]:
            self.next += 1
            if record.key in self.lines:
                self.lines[record.key].append(record)
            elif not self._apply(record):
                self.lines[record.key] = [record]

    def _apply(self, record: Delivery) -> bool:
        if record.event_id not in self.known:
            if (record.key, record.version) in self.poison:
                return False
            self.known.add(record.event_id)
            self.numbers.setdefault(record.key, []).append(record.version)
        return True

    def replay(self, key: UUID) -> None:
        for record in self.lines.pop(key):
            assert self._apply(record)

    def discard(self, key: UUID) -> None:
        dead, *line = self.lines.pop(key)
        self.known.add(dead.event_id)
        while line and self._apply(line[0]):
            del line[0]
        if line:
            self.lines[key] = line


async def time_passes(stage: Stage, by: timedelta) -> None:
    """Everything that is stamped with real time was stamped so much earlier."""
    async with stage.database.pool.acquire() as connection:
        for table, column in _STAMPS:
            await connection.execute(f"UPDATE {table} SET {column} = {column} - $1::interval", by)


@asynccontextmanager
async def a_stage_without_a_broker(postgres_url: str) -> AsyncIterator[Stage]:
    """A database of its own; the log is the test's."""
    async with lent_database(postgres_url, Tally) as (owner_url, url):
        database = await Database.connect(url, size=4)
        yield Stage(f"t{uuid4().hex[:10]}", database, owner_url, url, Kafka("", "", ""))
        await database.close()


async def begin_anew(stage: Stage) -> None:
    """As if nothing had been consumed yet."""
    async with stage.database.pool.acquire() as connection:
        for table in _TABLES:
            await connection.execute(f"DELETE FROM {table}")
