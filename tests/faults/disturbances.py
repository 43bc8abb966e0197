"""Faults that are no process': the network between them, sessions ended and locked, groups in turmoil, records twice, clocks moved."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from uuid_utils.compat import uuid7

from deploy.local.environment import kafka_name
from deploy.local.errors import CannotRun
from deploy.local.waiting import until, until_async
from deploy.services import PUBLISHING
from deploy.topics import CLOCK, PARTITIONS
from libs.bus.clock import encode
from libs.bus.replay import replay
from libs.events.cases import CaseOpened
from libs.store import Database, Scope
from tests.faults.faults import Done
from tests.faults.history import History
from tests.faults.plan import Disturbance, Places
from tests.faults.proxy import (
    CUT_REQUESTS,
    CUT_RESPONSES,
    DELAY,
    HALF_OPEN,
    RESET_AFTER,
    RESET_BEFORE,
    Trouble,
    a_commit,
    a_post,
    produce_of,
)
from tests.faults.rebuilding import NotAsTheLog, rebuilt
from tests.faults.stack import FaultStack
from tests.faults.witness import TOPIC, WITNESS, Refusal, handlers

_BUSY = ("activity", "cases", "entitlements", "escalation", "rma")
_LINKED = ("gateway", "kafka", *(f"postgres:{service}" for service in (*_BUSY, "onsite", "ecps")))
_NETWORK = (DELAY, HALF_OPEN, CUT_REQUESTS, CUT_RESPONSES, RESET_BEFORE, RESET_AFTER)
LOST_ACKNOWLEDGEMENT, TERMINATED, DEADLOCK = "lost produce acknowledgement", "pg_terminate_backend", "deadlock"
STORM, DUPLICATES, POISON, REPLAY = "rebalance storm", "duplicates", "poison", "replay amid events"
FORWARD, BACKWARD = "clock +5 min", "clock −5 min"
REBUILD = "rebuild amid events"
DISTURBANCES: Mapping[str, Places] = {
    "network": dict.fromkeys(_NETWORK, _LINKED),
    "records": {LOST_ACKNOWLEDGEMENT: ("cases", "rma"), DUPLICATES: ("cases", "entitlements", "escalation", "rma")},
    "dead letters": {POISON: ("cases",), REPLAY: (WITNESS,)},
    "groups and sessions": {STORM: _BUSY, TERMINATED: _BUSY, DEADLOCK: _BUSY},
    "operators": {REBUILD: ("rma", "escalation", "ecps", "onsite", "entitlements")},
    "clocks": {FORWARD: ("everywhere",), BACKWARD: _BUSY},
}
"""Where each can fall, in lanes that run beside each other."""
_FIVE_MINUTES = timedelta(minutes=5)
_LONGEST = 8.0
_NETWORK_SECONDS = 3.0
_STORM_ROUNDS, _STORM_SECONDS = 2, 15.0  # a group waits for its members to come back, and for a dead one 10 s
_AGAIN_EACH = 5
_REPLAYS, _LINE = 2, 50
_TALK_EVERY, _TALK_MOST = 0.002, 4000
_TRIES, _PATIENCE = 5, 240.0
_GONE = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    KafkaException,
    TimeoutError,
)
_END_BUSY = """
SELECT count(*) FILTER (WHERE xact_start IS NOT NULL AND state <> 'idle') AS busy, count(pg_terminate_backend(pid)) AS ended
  FROM pg_stat_activity WHERE application_name LIKE $1
"""
_WRITES = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE $1 AND backend_xid IS NOT NULL"
_WAITING = "SELECT count(*) FROM dead_letters WHERE key = $1 AND status = 'waiting'"
_OPERATOR = Scope.system("operator")
_WAITING_FOR_ME = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"


class Disturber:
    """Works the plan's disturbances one after the other; what it puts on topics itself it says in the history."""

    def __init__(self, stack: FaultStack, history: History, seed: str, note: Callable[[Done], None]) -> None:
        self._stack, self._history, self._random, self._note = stack, history, Random(seed), note
        self._offset = timedelta(0)

    async def work(self, plan: Sequence[Disturbance]) -> None:
        for one in plan:
            self._note(await self._disturb(one))
            await asyncio.sleep(one.pause)

    async def _disturb(self, one: Disturbance) -> Done:
        loop = asyncio.get_running_loop()
        began, hit, trouble = loop.time(), None, None
        self._history.fault(one.what, one.where, "begin")
        for again in range(_TRIES):
            try:
                if one.what not in _NETWORK:  # what falls on an engine that is down falls on nothing
                    await until_async(self._engines_are_up, seconds=_PATIENCE, otherwise="the engines do not come back")
                if (hit := await self._kinds()[one.what](one)) is not None:
                    break
                self._history.fault(one.what, one.where, "missed", reason="it fell on nothing")
            except NotAsTheLog as wrong:
                trouble = str(wrong)
                break
            except (*_GONE, CannotRun) as error:  # an engine is down at this moment: the fault fell on nothing
                self._history.fault(one.what, one.where, "missed", reason=repr(error))
                await asyncio.sleep(1 + again)
        self._history.fault(one.what, one.where, "end", interrupted=hit, trouble=trouble)
        return Done(one.what, one.where, hit, loop.time() - began, trouble)

    async def _engines_are_up(self) -> bool:
        engines = [self._stack.targets[name] for name in ("postgres", "kafka")]
        with suppress(CannotRun):  # one says that its process has ended
            return all([target.child is not None and not target.frozen and await target.ready() for target in engines])
        return False

    def _kinds(self) -> Mapping[str, Callable[[Disturbance], Awaitable[str | None]]]:
        return {
            **dict.fromkeys(_NETWORK, self._network),
            LOST_ACKNOWLEDGEMENT: self._lose_acknowledgement, TERMINATED: self._terminate, DEADLOCK: self._deadlock,
            STORM: self._storm, DUPLICATES: self._duplicate, POISON: self._poison, REPLAY: self._replay, REBUILD: self._rebuild, FORWARD: self._clock_forward, BACKWARD: self._clock_backward,
        }  # fmt: skip

    # --- the network -------------------------------------------------------------------------------------------------

    async def _network(self, one: Disturbance) -> str | None:
        resets = one.what in (RESET_BEFORE, RESET_AFTER)
        picks = {"gateway": a_post, "kafka": produce_of("cases")}.get(one.where, a_commit)
        trouble = Trouble(one.what, 0.3, picks, limit=3) if resets else Trouble(one.what, 0.3)
        return await self._in_trouble(one.where, trouble, until_hit=resets)

    async def _lose_acknowledgement(self, one: Disturbance) -> str | None:
        return await self._in_trouble(
            "kafka", Trouble(RESET_BEFORE, picks=produce_of(one.where), limit=2), until_hit=True
        )

    async def _in_trouble(self, link: str, trouble: Trouble, *, until_hit: bool) -> str | None:
        proxy = self._stack.links[link]
        proxy.disturb(trouble)
        try:
            with suppress(CannotRun):
                await until_async(
                    lambda: until_hit and trouble.hits >= trouble.limit,
                    seconds=_LONGEST if until_hit else _NETWORK_SECONDS,
                    otherwise="it fell on nothing",
                )
        finally:
            proxy.heal()
        return f"{trouble.hits} pieces of traffic" if trouble.hits else None

    # --- PostgreSQL's sessions ---------------------------------------------------------------------------------------

    async def _terminate(self, one: Disturbance) -> str | None:
        """Ends every session of a service, as soon as one of them is in a transaction that writes."""
        async with self._connected(self._stack.env["POLYPLUS_POSTGRES_ADMIN_URL"]) as admin:

            async def somebody_writes() -> bool:
                return bool(await admin.fetchval(_WRITES, f"{one.where}.%"))

            with suppress(CannotRun):
                await until_async(somebody_writes, seconds=_LONGEST, otherwise="nobody writes")
            row = await admin.fetchrow(_END_BUSY, f"{one.where}.%")
        assert row is not None
        return f"{row['busy']} of {row['ended']} sessions in a transaction" if row["busy"] else None

    async def _deadlock(self, one: Disturbance) -> str | None:
        """Takes rows that a worker takes second, then, once the worker waits, those it has: one of the two must give way."""
        async with self._connected(self._stack.env[f"POLYPLUS_{one.where.upper()}_OWNER_URL"]) as owner:

            async def blocks_somebody() -> bool:
                return bool(await owner.fetchval(_WAITING_FOR_ME))

            try:
                async with asyncio.timeout(2 * _LONGEST), owner.transaction():
                    # the offset comes first in a worker's transaction, the versions after it
                    await owner.execute("LOCK consumed_versions IN EXCLUSIVE MODE")
                    await until_async(blocks_somebody, seconds=_LONGEST, otherwise="no worker came this way")
                    await owner.execute("SELECT FROM consumer_offsets FOR UPDATE")
            except asyncpg.DeadlockDetectedError:
                return "a worker waited, we gave way"
            except CannotRun:
                return None
        return "a worker gave way"

    @asynccontextmanager
    async def _connected(self, url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(url, timeout=2)
        try:
            yield connection
        finally:
            connection.terminate()

    # --- Kafka -------------------------------------------------------------------------------------------------------

    async def _storm(self, one: Disturbance) -> str | None:
        """A stranger joins the group and leaves it, again and again; it works nothing and commits nothing."""
        user = kafka_name(one.where)
        login = (self._stack.env[f"POLYPLUS_{user}_USER"], self._stack.env[f"POLYPLUS_{user}_PASSWORD"])
        topics = [f"{service}.events" for service in PUBLISHING]

        def join_and_leave() -> int:
            joined = 0
            for _ in range(_STORM_ROUNDS):
                member = Consumer(
                    {**self._kafka(*login), "group.id": one.where, "enable.auto.commit": False, "session.timeout.ms": 6000,
                     "auto.offset.reset": "earliest", "partition.assignment.strategy": "roundrobin"}
                )  # fmt: skip
                member.subscribe(topics)
                end = time.monotonic() + _STORM_SECONDS
                while not member.assignment() and time.monotonic() < end:
                    member.poll(0.1)
                joined += bool(member.assignment())
                member.close()
            return joined

        joined = await asyncio.to_thread(join_and_leave)
        return f"{joined} memberships" if joined else None

    async def _duplicate(self, one: Disturbance) -> str | None:
        """The newest records of a topic once more at its end, as a relay sends them whose acknowledgement was lost.

        The witness is frozen meanwhile: some of them it has not seen yet, and gets them twice in one batch.
        """
        topic = f"{one.where}.events"
        self._stack.targets.freeze(WITNESS)
        try:
            records = await asyncio.to_thread(self._newest, topic)
            await self._produce(topic, records)  # each is a committed event's: nothing that the checker must set apart
        finally:
            self._stack.targets.thaw(WITNESS)
        return f"{len(records)} records" if records else None

    async def _poison(self, one: Disturbance) -> str | None:
        """A case that no consumer can read, and what comes after it: its key is parked, everything else goes on."""
        topic, key = f"{one.where}.events", uuid4()
        ids = [uuid7(), uuid7()]
        for id in ids:
            self._history.produced(topic, id, "poison")
        said = [
            {"key": str(key).encode(), "value": b'{"unreadable": true}', "headers": _headers(id, key, n)}
            for n, id in enumerate(ids, 1)
        ]
        await self._produce(topic, said)
        return f"{len(said)} records"

    async def _replay(self, one: Disturbance) -> str | None:
        """An operator brings parked keys back while their events go on coming: those that came meanwhile are in their order too."""
        url = self._stack.env[f"POLYPLUS_{one.where.upper()}_DATABASE_URL"]
        database = await Database.connect(url, size=2)
        try:
            return f"{sum([await self._park_and_replay(uuid4(), database) for _ in range(_REPLAYS)])} events"
        finally:
            await database.close()

    async def _park_and_replay(self, key: UUID, database: Database) -> int:
        silent = threading.Event()
        talk = asyncio.create_task(asyncio.to_thread(self._talk, key, silent))
        try:
            async with database.transaction(_OPERATOR) as tx:
                tx.add(Refusal(id=key))

            async def waits() -> bool:
                return bool(await database.pool.fetchval(_WAITING, key) >= _LINE)

            await until_async(waits, seconds=2 * _LONGEST, otherwise="its events do not wait in line")
            async with database.transaction(_OPERATOR) as tx:
                tx.remove(await Refusal.get(key, tx, lock=True))
            return await replay(database, handlers, TOPIC, key)
        finally:
            silent.set()
            await talk

    def _talk(self, key: UUID, silent: threading.Event) -> None:
        """Events of one key, one after the other, until told to be silent."""
        producer = Producer({**self._kafka(), "enable.idempotence": True})  # they keep their order
        for n in range(1, _TALK_MOST):
            if silent.wait(_TALK_EVERY):
                break
            id = uuid7()
            self._history.produced(TOPIC, id, "talk")
            producer.produce(TOPIC, key=str(key).encode(), value=b"{}", headers=_headers(id, key, n))
            producer.poll(0)
        producer.flush(_LONGEST)

    async def _rebuild(self, one: Disturbance) -> str | None:
        return await rebuilt(one.where, self._stack.home)

    async def _produce(self, topic: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Raises KafkaException unless all of them are there."""
        producer, failed = Producer(self._kafka()), list[Any]()
        for record in records:
            producer.produce(topic, **record, on_delivery=lambda error, _: failed.append(error) if error else None)
        left = await asyncio.to_thread(producer.flush, _LONGEST)
        if left or failed:
            raise KafkaException(f"{left} of {len(records)} records are on their way still, {failed} failed")

    def _newest(self, topic: str) -> list[dict[str, Any]]:
        """The last records of each partition, once several more have come to one of them, or the load is too low for it."""
        consumer = Consumer({**self._kafka(), "group.id": "unused", "enable.auto.commit": False})
        places = [(topic, partition) for partition in range(PARTITIONS)]

        def ranges() -> list[tuple[int, int]]:
            return [consumer.get_watermark_offsets(TopicPartition(*place), timeout=_LONGEST) for place in places]

        try:
            before = ranges()
            with suppress(CannotRun):
                until(
                    lambda: any(now[1] >= was[1] + 3 for now, was in zip(ranges(), before, strict=True)),
                    seconds=_LONGEST / 2, otherwise="nothing more comes",
                )  # fmt: skip
            wanted = [
                TopicPartition(*place, max(low, high - _AGAIN_EACH))
                for place, (low, high) in zip(places, ranges(), strict=True)
                if high > low
            ]
            consumer.assign(wanted)
            records = consumer.consume(_AGAIN_EACH * len(wanted), timeout=2) if wanted else []
            return [_again(record) for record in records if not record.error()]
        finally:
            consumer.close()

    def _kafka(self, user: str = "", password: str = "") -> dict[str, str | int | float | bool]:
        env = self._stack.env
        return {
            "bootstrap.servers": env["POLYPLUS_KAFKA_BOOTSTRAP"], "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512", "log_level": 2, "socket.timeout.ms": 5000, "message.timeout.ms": 8000,
            "sasl.username": user or env["POLYPLUS_KAFKA_ADMIN_USER"],
            "sasl.password": password or env["POLYPLUS_KAFKA_ADMIN_PASSWORD"],
        }  # fmt: skip

    # --- time --------------------------------------------------------------------------------------------------------

    async def _clock_forward(self, one: Disturbance) -> str | None:  # noqa: ARG002
        return await self.move_clock(_FIVE_MINUTES)

    async def move_clock(self, by: timedelta) -> str:
        """Moves everybody's clock by the topic that tells it."""
        self._offset += by
        await self._produce(CLOCK, [{"key": b"clock", "value": encode(self._offset)}])
        return f"to {self._offset}"

    async def _clock_backward(self, one: Disturbance) -> str | None:
        """One service's clock goes back for a while, then is right again."""
        url = self._stack.env[f"POLYPLUS_{one.where.upper()}_OWNER_URL"]
        async with self._connected(url) as owner:
            await owner.execute("UPDATE app_clock SET time_offset = $1", self._offset - _FIVE_MINUTES)
        try:
            await asyncio.sleep(_NETWORK_SECONDS)
        finally:
            await self._restore_clock(url)
        return "five minutes back"

    async def _restore_clock(self, url: str) -> None:
        """As its own worker does when it hears the clock's topic again."""
        while True:
            with suppress(*_GONE):
                async with self._connected(url) as owner:
                    await owner.execute("UPDATE app_clock SET time_offset = $1 WHERE time_offset < $1", self._offset)
                return
            await asyncio.sleep(0.5)


def _again(record: Message) -> dict[str, Any]:
    headers = [(name, value) for name, value in dict(record.headers() or ()).items() if isinstance(value, bytes)]
    return {"key": record.key(), "value": record.value(), "headers": headers, "partition": record.partition()}


def _headers(id: UUID, case: UUID, version: int) -> list[tuple[str, str | bytes | None]]:
    """The envelope of a case that was opened."""
    said = {
        "ce_specversion": "1.0", "ce_id": str(id), "ce_source": "/polyplus/cases", "ce_type": CaseOpened.contract.ce_type,
        "ce_subject": str(case), "ce_time": datetime.now(UTC).isoformat(), "ce_aggregateversion": str(version),
        "ce_actor": "system:faults", "content-type": "application/json",
    }  # fmt: skip
    return [(name, value.encode()) for name, value in said.items()]
