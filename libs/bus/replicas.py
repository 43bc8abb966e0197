"""Replicas: what other services tell as state, kept in tables of this service's own, only the columns that it needs.

`replicas = Replicas("rma")`, then `replicas.keep(KnownContact, of=ContactState)`, with `changed=` what to do when rows have changed. Each
topic has a reader of its own, beside the consumer of facts: a state may be passed over, come again and be gone, and is no event that an
inbox or a dead letter could hold. A record counts when its version is higher than the row's; null is kept as a row, `gone`, its columns
empty. The stored offset moves with the rows, and only from where it was expected to be. What cannot be read stops this reader alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from uuid import UUID, uuid4

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from libs.bus import locks
from libs.bus.batch import Fenced
from libs.bus.envelope import Delivery, delivery
from libs.bus.handlers import Handlers
from libs.bus.kafka import Kafka, close
from libs.bus.metrics import replica_lag
from libs.bus.projections import Difference, Projection
from libs.bus.standing import leave, say
from libs.bus.waiting import unless, within
from libs.events import State
from libs.store import Database, Entity, Scope, Transaction
from libs.store.flush import Statement
from libs.store.reasons import reason

log = structlog.get_logger()
BATCH = 1000
ERASED = 2**63 - 1
"""The version of a row that is forgotten for good: no record is newer."""
_SIGN_SECONDS = 4.0
_CURRENT_SECONDS = 5
_REST_MS = 4000
"""So long at most the broker keeps a fetch that finds nothing: a record is handed over at once."""
_OWN = {"id", "version", "revision", "gone"}
_STORED = """
INSERT INTO consumer_offsets AS o (consumer, topic, partition, next) VALUES ($1, $2, 0, 0)
ON CONFLICT (consumer, topic, partition) DO UPDATE SET next = o.next RETURNING next
"""
_MOVE = "UPDATE consumer_offsets SET next = $4 WHERE (consumer, topic, partition, next) = ($1, $2, 0, $3)"
_LOCK = f"SELECT pg_advisory_xact_lock({locks.REPLICAS}, hashtext($1))"
_SHARED_LOCK = f"SELECT pg_advisory_xact_lock_shared({locks.REPLICAS}, hashtext($1))"
_CURRENT = f"""
SELECT count(*) > 0 FROM consumer_states
 WHERE consumer = $1 AND at > clock_timestamp() - interval '{_CURRENT_SECONDS} seconds' AND lag = 0 AND halted IS NULL
"""
Reaction = Callable[[Sequence[UUID], Transaction], Awaitable[None]]


class Unreadable(Exception):
    """A record of a state topic that this code cannot read: newer than it, or damaged. The reader of the topic stops."""


@dataclass(frozen=True)
class Kept(Projection):
    """A replica: the table, which state it is of, and what happens when rows have changed."""

    of: type[State] = State
    changed: Reaction | None = None
    made: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @cached_property
    def sql(self) -> str:
        """Makes the rows what is given, where that is newer; gives the ids of those."""
        there = f'"{self.name}"'
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in self._told)
        return (
            f" ON CONFLICT (id) DO UPDATE SET revision = {there}.revision + 1, {sets}"
            f" WHERE {there}.version < excluded.version RETURNING id"
        )

    async def take(self, rows: Mapping[UUID, tuple[int, State | None]], tx: Transaction) -> None:
        """The rows by id with their versions; None is gone."""
        if not rows:
            return
        written = [self._row(id, *rows[id]) for id in sorted(rows)]
        await tx.connection.execute(_LOCK, self.name)
        statement = Statement.insert(*self.cls.stored, written, self.sql)
        changed = [record["id"] for record in await tx.connection.fetch(*statement.alone())]
        if changed and self.changed and tx.rebuilding is None:
            await self.changed(changed, tx)

    def _row(self, id: UUID, version: int, state: State | None) -> tuple[Any, ...]:
        own = {"id": id, "version": version, "revision": 0, "gone": state is None}
        own |= {name: state and make(state) for name, make in self.made.items()}
        values = {c.name: own[c.name] if c.name in own else getattr(state, c.name, None) for c in self.cls.columns}
        return tuple(
            c.dump(v) if c.dump and (v := values[c.name]) is not None else values[c.name] for c in self.cls.columns
        )

    def handlers(self, on: Handlers) -> Handlers:
        told = Handlers(on.consumer)
        told.every(self.of.contract.topic)(partial(_apply, [self]))
        return told

    @property
    def _told(self) -> list[str]:
        return ["version", *super()._told]

    def _difference(self, record: Any) -> Difference | None:
        return None if record["version"] == ERASED else super()._difference(record)


class Replicas:
    """What one service keeps of others' states."""

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer
        self.kept: dict[type[Entity], Kept] = {}

    def keep(
        self,
        cls: type[Entity],
        *,
        of: type[State],
        changed: Reaction | None = None,
        made: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        """A table with `gone` and columns that the state has, or that are `made` of it, each of which may be null. `changed(ids, tx)` runs
        in the transaction in which the rows were written. Raises TypeError for a column that no state could fill."""
        made = made or {}
        unknown = {column.name for column in cls.columns} - {*of.model_fields, *made} - _OWN
        if unknown:
            raise TypeError(f"{cls.__name__} has {sorted(unknown)}, which {of.__name__} does not say")
        self.kept[cls] = Kept(cls, of=of, changed=changed, made=made)

    @property
    def topics(self) -> list[str]:
        return sorted({kept.of.contract.topic for kept in self.kept.values()})

    async def apply(self, deliveries: Sequence[Delivery], tx: Transaction) -> None:
        """Keeps what is newer. Raises Unreadable."""
        await _apply(self.kept.values(), deliveries, tx)

    async def forget(self, cls: type[Entity], ids: Iterable[UUID], tx: Transaction) -> None:
        """They are gone for good, whatever their topic says and says later."""
        await self.kept[cls].take(dict.fromkeys(ids, (ERASED, None)), tx)


async def _apply(kept: Collection[Kept], deliveries: Sequence[Delivery], tx: Transaction) -> None:
    for each in sorted(kept, key=lambda kept: kept.name):  # one order everywhere, or two batches deadlock
        newest: dict[UUID, Delivery] = {}
        for d in deliveries:
            if _is(d, each.of) and (d.key not in newest or newest[d.key].version < d.version):
                newest[d.key] = d
        if newest:
            await each.take({id: (d.version, _read(d, each.of)) for id, d in newest.items()}, tx)


def _is(d: Delivery, of: type[State]) -> bool:
    if d.type == of.contract.ce_type:
        return True
    if d.type.rpartition(".v")[0] == of.contract.ce_type.rpartition(".v")[0]:
        raise Unreadable(f"{d.topic}/{d.partition} offset {d.offset} is {d.type}, which is newer than this code")
    return False


def _read(d: Delivery, of: type[State]) -> State | None:
    try:
        return None if d.data is None else of.model_validate_json(d.data)
    except ValidationError as error:
        raise Unreadable(f"{d.topic}/{d.partition} offset {d.offset}: {reason(error)}") from error


@dataclass(frozen=True)
class Awaited:
    """A row of a replica, at least of this version."""

    cls: type[Entity]
    id: UUID
    version: int

    async def has_come(self, tx: Transaction) -> bool:
        """Whether it has, be it as gone."""
        name = self.cls.table.name
        found = await tx.connection.fetchval(f'SELECT version FROM "{name}" WHERE id = $1', self.id)
        return found is not None and found >= self.version


async def hold(replicas: Collection[type[Entity]], tx: Transaction) -> None:
    """Nobody writes their rows before this transaction has ended: `changed` finds what it writes down by what it reads there now."""
    for name in sorted(cls.table.name for cls in replicas):
        await tx.connection.execute(_SHARED_LOCK, name)


async def have_come(awaited: Collection[Awaited], tx: Transaction) -> bool:
    """Whether all of them have. When not, whoever writes down in this transaction that he waits is found by `changed`: nobody has
    written these rows before this transaction has ended."""
    if all([await each.has_come(tx) for each in awaited]):
        return True
    await hold({each.cls for each in awaited}, tx)
    return all([await each.has_come(tx) for each in awaited])


def named(consumer: str, topic: str) -> str:
    """How this reader is called where members say how they stand."""
    return f"{consumer}: {topic}"


async def is_current(tx: Transaction, consumer: str, topic: str) -> bool:
    """Whether the replicas of this topic were at its end some 5 s ago or later: then what they do not have is not there."""
    return bool(await tx.connection.fetchval(_CURRENT, named(consumer, topic)))


class Follower:
    """Reads one state topic for as long as it runs."""

    def __init__(self, replicas: Replicas, topic: str, database: Database, kafka: Kafka) -> None:
        self._replicas, self._topic, self._database, self._kafka = replicas, topic, database, kafka
        self._place, self._member = TopicPartition(topic, 0), uuid4()
        self._name = named(replicas.consumer, topic)
        self._problem: str | None = "not connected yet"

    async def check(self) -> str | None:
        """None while it reads."""
        return self._problem

    async def run(self, stop: asyncio.Event) -> None:
        """Follows until told to stop; after Unreadable it stays where it is, and says so, until the process is restarted."""
        client = AIOKafkaConsumer(
            **self._kafka.common(),
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_REST_MS,
            max_partition_fetch_bytes=2 * 1024 * 1024,
        )
        try:
            await client.start()
            client.assign([self._place])
            await self._follow(client, stop)
        except Unreadable as error:
            self._problem = str(error)
            log.critical("a replica stands still", topic=self._topic, reason=self._problem)
            await close(client)
            while not stop.is_set():
                await say(self._database, self._name, self._member, halted=self._problem, lag=0)
                await within(_SIGN_SECONDS, stop)
        except Exception as error:
            self._problem = reason(error)
            raise
        finally:
            await close(client)
        await leave(self._database, self._name, self._member)

    async def _follow(self, client: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        clock, sign, lag = asyncio.get_running_loop().time, 0.0, 1
        next = await self._take_up(client)
        while not stop.is_set():
            coming = client.getmany(self._place, timeout_ms=_REST_MS, max_records=BATCH)
            records = (await unless(stop, coming) or {}).get(self._place, [])
            position = await client.position(self._place)  # beyond what is no record, such as a transaction's end
            if position != next:
                try:
                    await self._keep(records, next, position)
                    next = position
                except Fenced:
                    next = await self._take_up(client)
            if clock() >= sign or (lag and not records):
                end = (await client.end_offsets([self._place]))[self._place]
                lag, sign, self._problem = max(0, end - next), clock() + _SIGN_SECONDS, None
                replica_lag.labels(self._topic).set(lag)
                await say(self._database, self._name, self._member, halted=None, lag=lag)

    async def _take_up(self, client: AIOKafkaConsumer) -> int:
        async with self._database.pool.acquire() as connection:
            next: int = await connection.fetchval(_STORED, self._replicas.consumer, self._topic)
        client.seek(self._place, next)
        return next

    async def _keep(self, records: Sequence[Any], expected: int, next: int) -> None:
        read = [delivery(r.topic, r.partition, r.offset, r.key, r.headers, r.value) for r in records]
        async with self._database.transaction(Scope.system(self._replicas.consumer)) as tx:
            moved = await tx.connection.execute(_MOVE, self._replicas.consumer, self._topic, expected, next)
            if moved != "UPDATE 1":
                raise Fenced(f"{self._topic}: {expected} is not the stored offset")
            await self._replicas.apply(read, tx)
