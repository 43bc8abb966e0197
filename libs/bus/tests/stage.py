"""A small service of its own for each test of the bus: one database, one topic, one consumer group, on the real engines."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from confluent_kafka.admin import NewTopic

from deploy.local.kafka import KafkaLogin
from deploy.topics import FORGETTING, admin_client
from libs.bus import Handlers, Timers
from libs.bus.consumer import Consumer
from libs.bus.envelope import Delivery, delivery
from libs.bus.kafka import Kafka
from libs.bus.relay import Relay
from libs.events import Event, State
from libs.store import Database, Entity, Scope, Transaction
from libs.store.ids import new_id
from tests.support.tables import lent_database

PARTITIONS = 6
WORKER = Scope.system("test")


class Thing(Entity, table="things"):
    """What emits."""

    moves: int = 0
    account_id: UUID | None = None


class Tally(Entity, table="tallies"):
    """What a handler keeps for each thing: the numbers it heard, in the order it heard them."""

    numbers: list[int] = field(default_factory=list)


class KnownThing(Entity, table="known_things"):
    """A replica of what each thing says."""

    gone: bool = False
    says: str | None = None


class Fired(Entity, table="firings", indexes=("thing_id",)):
    """One firing of a timer, as its handler saw it."""

    thing_id: UUID
    detail: str
    at: datetime


timers = Timers("test")


@timers(Thing, "ring")
async def note_firing(thing: Thing, tx: Transaction, detail: str) -> None:
    tx.add(Fired(id=new_id(), thing_id=thing.id, detail=detail, at=tx.now))
    thing.moves += 1


@timers(Thing, "clash")
async def fail_at_the_flush(thing: Thing, tx: Transaction, detail: str) -> None:
    tx.add(Thing(id=UUID(detail)))  # which is there already


@timers(Thing, "call_off")
async def call_off(thing: Thing, tx: Transaction, detail: str) -> None:
    tx.cancel_timer(thing, detail)


class Stage:
    """Entities, events, engines, and shortcuts to act and look."""

    def __init__(self, name: str, database: Database, owner_url: str, url: str, kafka: Kafka) -> None:
        self.name, self.database, self.owner_url, self.url, self.kafka = name, database, owner_url, url, kafka

        class ThingMoved(Event, type=f"polyplus.{name}.thing-moved", visibility="internal", subject="thing_id"):
            """Number `n` of this thing."""

            thing_id: UUID
            n: int

        class ThingState(State, type=f"polyplus.{name}.things.v1", topic=f"{name}.states", key="thing_id"):
            """What this thing says."""

            says: str

        self.ThingMoved, self.ThingState = ThingMoved, ThingState
        self.topic, self.dlq = f"{name}.events", f"{name}.dlq"
        self.handlers = Handlers(name)

    def tally(self, *, before: Callable[[Any], Awaitable[None]] | None = None) -> None:
        """Installs the handler that appends each number; `before` may fail first."""

        async def append(event: Any, tx: Transaction) -> None:
            if before:
                await before(event)
            found = await Tally.find(event.thing_id, tx, lock=True) or tx.add(Tally(id=event.thing_id))
            found.numbers.append(event.n)

        self.handlers(self.ThingMoved, load={Tally: "thing_id"})(append)

    def relay(self, **how: Any) -> Relay:
        return Relay(self.database, self.url, self.kafka, name=self.name, **how)

    def consumer(self, **how: Any) -> Consumer:
        return Consumer(self.handlers, self.database, self.kafka, **how)

    async def move(self, *things: UUID) -> None:
        """Each thing makes its next move, all in one transaction."""
        async with self.database.transaction(WORKER) as tx:
            for id in things:
                await self.move_in(tx, id)

    async def move_in(self, tx: Transaction, id: UUID) -> None:
        thing = await Thing.find(id, tx, lock=True) or tx.add(Thing(id=id))
        tx.emit(self.ThingMoved(thing_id=id, n=thing.moves))
        thing.moves += 1

    def tell(self, tx: Transaction, id: UUID, says: str | None) -> None:
        """The thing's state; None: it is gone."""
        tx.publish_state(self.ThingState, self.ThingState(says=says) if says else None, key=id, account_id=None)

    async def known(self) -> dict[UUID, str | None]:
        """What each thing says, as the replica has it; None: it is gone."""
        async with self.database.transaction(WORKER) as tx:
            return {known.id: known.says for known in await tx.select(KnownThing)}

    async def numbers(self) -> dict[UUID, list[int]]:
        """What the handlers have kept."""
        async with self.database.transaction(WORKER) as tx:
            return {tally.id: tally.numbers for tally in await tx.select(Tally)}

    async def published(self, topic: str | None = None) -> list[Delivery]:
        """Every record on the topic, partition by partition."""
        found = await self.records(topic or self.topic)
        return [delivery(r.topic, r.partition, r.offset, r.key, r.headers, r.value) for r in found]

    async def records(self, topic: str, partitions: int = PARTITIONS) -> list[Any]:
        """The same as they came."""
        client = AIOKafkaConsumer(**self.kafka.common(), enable_auto_commit=False, isolation_level="read_committed")
        await client.start()
        try:
            all_of_them = [TopicPartition(topic, p) for p in range(partitions)]
            client.assign(all_of_them)
            await client.seek_to_beginning(*all_of_them)
            ends = await ends_of(client, all_of_them)
            found: list[Any] = []
            for tp in all_of_them:
                while await client.position(tp) < ends[tp]:
                    found += (await client.getmany(tp, timeout_ms=100)).get(tp, [])
            return found
        finally:
            await client.stop()

    async def published_numbers(self) -> dict[UUID, list[int]]:
        """For each thing its numbers in the topic's order, redeliveries dropped."""
        found: dict[UUID, dict[UUID, int]] = defaultdict(dict)
        for d in await self.published():
            event: Any = d.event()
            found[d.key].setdefault(d.event_id, event.n)
        return {key: list(numbers.values()) for key, numbers in found.items()}

    async def append_again(self, records: list[Delivery]) -> None:
        """Writes these records to their topic once more, as a zombie relay would."""
        producer = AIOKafkaProducer(**self.kafka.common())
        client = AIOKafkaConsumer(**self.kafka.common(), enable_auto_commit=False)
        await producer.start()
        await client.start()
        try:
            for record in records:
                tp = TopicPartition(record.topic, record.partition)
                client.assign([tp])
                client.seek(tp, record.offset)
                original = await client.getone(tp)
                await producer.send_and_wait(
                    original.topic, original.value, original.key, original.partition, headers=list(original.headers)
                )
        finally:
            await client.stop()
            await producer.stop()

    async def firings(self) -> list[Fired]:
        """Every firing so far."""
        async with self.database.transaction(WORKER) as tx:
            return await tx.select(Fired, order_by=(Fired.c.at,))

    async def fetchval(self, sql: str, *args: object) -> Any:
        async with self.database.pool.acquire() as connection:
            return await connection.fetchval(sql, *args)


@asynccontextmanager
async def running(*loops: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs these loops meanwhile; ends them, and raises what they raised, on leaving."""
    stop = asyncio.Event()
    tasks = [asyncio.ensure_future(loop(stop)) for loop in loops]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)


async def until(fact: Callable[[], Awaitable[bool]], what: str, *, seconds: float = 20) -> None:
    """Waits for a fact, looking again every 20 ms; an AssertionError naming it when it does not come true in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not await fact():
        assert loop.time() < end, f"not within {seconds} s: {what}"
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.02)


async def ends_of(client: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """The offsets after the last records; a topic made a moment ago may have no leader yet."""
    for _ in range(50):
        with suppress(KafkaError):
            ends: dict[TopicPartition, int] = await client.end_offsets(partitions)
            return ends
    raise AssertionError(f"no leader for {partitions}")


@asynccontextmanager
async def a_stage(postgres_url: str, login: KafkaLogin) -> AsyncIterator[Stage]:
    """An empty stage with names of its own, so that tests share the engines and nothing else."""
    name = f"t{uuid4().hex[:10]}"
    kafka = Kafka(login.bootstrap, login.user, login.password)
    admin = admin_client(*login)
    made = admin.create_topics([NewTopic(f"{name}.{kind}", PARTITIONS, 1) for kind in ("events", "dlq")])
    async with lent_database(postgres_url, Thing, Tally, KnownThing, Fired) as (owner_url, url):
        for future in made.values():
            await asyncio.wrap_future(future)
        database = await Database.connect(url, size=10)
        yield Stage(name, database, owner_url, url, kafka)
        await database.close()


async def make_state_topic(stage: Stage, login: KafkaLogin, **settings: str) -> str:
    """The topic on which `stage.tell` tells."""
    topic, admin = f"{stage.name}.states", admin_client(*login)
    made = admin.create_topics([NewTopic(topic, 1, 1, config={**FORGETTING, **settings})])
    await asyncio.wrap_future(made[topic])
    return topic


def some(count: int) -> list[UUID]:
    return [new_id() for _ in range(count)]
