"""The sandbox clock: moves every service and simulator through domain time, timer by timer, in order.

A hop goes to the next instant at which anything is due anywhere, and the next hop waits until all is quiet: no timer due, no call
to the outside on its way, every outbox published, every event consumed. So two weeks of contract life are lived in seconds.
A call that keeps failing, or a simulator that is gone, is waited for a moment only; `Sandbox.left` says what was left behind.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.local.errors import CannotRun
from deploy.local.strangers import Strangers
from deploy.services import SERVICES, STATE_TOPICS
from deploy.topics import CLOCK, PUBLISHERS

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

_CLIENT: dict[str, str | int | float | bool] = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-512",
    "log_level": 2,
}
_STATE = """
SELECT app_now() AS now, (SELECT time_offset FROM app_clock) AS time_offset,
       least((SELECT min(due_at) FROM timers), (SELECT min(wakes_at) FROM lane_calls)) AS due,
       (SELECT coalesce(json_object_agg(id, failed), '{}') FROM (
            SELECT id, attempt > 1 OR last_error IS NOT NULL AS failed FROM jobs
             WHERE last_error IS NULL OR due_at < clock_timestamp() + interval '3 s'
            UNION ALL SELECT id, true FROM lane_calls WHERE claim IS NOT NULL OR due_at < clock_timestamp() + interval '3 s'
       ) AS open) AS calls,
       (SELECT count(*) FROM jobs WHERE last_error IS NOT NULL) + (SELECT count(*) FROM lane_calls WHERE said IS NOT NULL) AS failing,
       (SELECT count(*) FROM outbox, relay_position WHERE NOT pg_visible_in_snapshot(xid, prev)) AS unpublished
"""
_NEXT = """
SELECT min(due_at) AS due FROM timers
 WHERE aggregate_id = ANY($1::uuid[]) AND due_at > app_now() AND split_part(kind, ':', 1) <> ALL($2::text[])
"""
_OFFSETS = "SELECT topic, partition, next FROM consumer_offsets"
_LOOK_SECONDS = 0.03
_PATIENCE_SECONDS = 120
_ANSWER_SECONDS = 10.0
_TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class OutOfReach(CannotRun):
    """A part of the sandbox does not answer; the message says which."""


@dataclass(frozen=True)
class Look:
    """What one look at every part of the sandbox found."""

    now: datetime
    offsets: frozenset[timedelta]
    next_due: datetime | None
    busy: tuple[str, ...]


class Sandbox:
    """Looks at every part, and moves the clock."""

    def __init__(
        self,
        databases: Mapping[str, str],
        simulators: Mapping[str, str],
        http: httpx.AsyncClient,
        producer: Producer,
        admin: AdminClient,
    ) -> None:
        self._databases = {service: _Reached(service, url) for service, url in databases.items()}
        self._simulators, self._http = simulators, http
        self._producer, self._admin = producer, admin
        self._places: list[TopicPartition] = []
        self._strangers = Strangers()

    async def close(self) -> None:
        for database in self._databases.values():
            await database.close()

    @property
    def left(self) -> list[str]:
        """What the clock did not wait for to the end, by service or simulator."""
        return self._strangers.left()

    async def look(self, strangers: Strangers | None = None) -> Look:
        """With `strangers`, what those have waited for long enough is not busy. Raises OutOfReach."""
        strangers = strangers or Strangers(endless=True)
        busy: list[str] = []
        dues = list[datetime]()
        ends, states, told = await asyncio.gather(
            asyncio.to_thread(self._ends),
            asyncio.gather(*(database.state() for database in self._databases.values())),
            asyncio.gather(*(self._told(name, strangers) for name in self._simulators)),
        )
        offsets, nows = set(), []
        for service, (state, consumed) in zip(self._databases, states, strict=True):
            nows.append(state["now"])
            offsets.add(state["time_offset"])
            if state["due"]:
                dues.append(state["due"])
            if state["due"] and state["due"] <= state["now"]:
                busy.append(f"{service} has timers to fire")
            if calls := strangers.waited_for(service, json.loads(state["calls"]), failing=state["failing"]):
                busy.append(f"{service} has {calls} calls to the outside on their way")
            if state["unpublished"]:
                busy.append(f"{service} has events to publish")
            if behind := sum(max(0, ends.get((r["topic"], r["partition"]), 0) - r["next"]) for r in consumed):
                busy.append(f"{service} has {behind} events to consume")
        now = max(nows)
        for name, found in zip(self._simulators, told, strict=True):
            if found is None:
                continue
            due = found["next_due"] and datetime.fromisoformat(found["next_due"])
            if due:
                dues.append(due)
            if found["owed_notices"] or (due and due <= now):
                busy.append(f"the {name} has something to tell")
            offsets.add(timedelta(seconds=found["offset_seconds"]))
        return Look(now, frozenset(offsets), min((d for d in dues if d > now), default=None), tuple(busy))

    async def next_of(
        self, aggregates: Collection[str], outside: Collection[str] = (), *, besides: Collection[str] = ()
    ) -> datetime | None:
        """When the next of these is due: a timer in any service, `besides` of these kinds; what a simulator knows by an id of
        `outside`. Raises OutOfReach."""
        timers, told = await asyncio.gather(
            asyncio.gather(*(each.rows(_NEXT, aggregates, besides) for each in self._databases.values())),
            asyncio.gather(*(self._told(name, self._strangers, outside) for name in self._simulators if outside)),
        )
        dues = [row["due"] for [row] in timers]
        dues += [datetime.fromisoformat(found["next_due"]) for found in told if found and found["next_due"]]
        return min((due for due in dues if due), default=None)

    async def _told(self, name: str, strangers: Strangers, of: Collection[str] = ()) -> dict[str, Any] | None:
        """None of one that has been out of reach for long."""
        try:
            patience = 0.5 if strangers.is_gone(name) else _ANSWER_SECONDS
            answer = await self._http.get(
                f"{self._simulators[name]}/simulate/state", params={"of": list(of)}, timeout=patience
            )
            found: dict[str, Any] = answer.raise_for_status().json()
        except httpx.HTTPError as trouble:
            if strangers.misses(name):
                return None
            raise OutOfReach(f"the {name} does not answer ({_said(trouble)})") from trouble
        strangers.answered(name)
        return found

    def _ends(self) -> dict[tuple[str, int], int]:
        try:
            return self._newest()
        except KafkaException as trouble:
            raise OutOfReach(f"Kafka does not answer ({_said(trouble)})") from trouble

    def _newest(self) -> dict[tuple[str, int], int]:
        if not self._places:  # topics are made with the stack, and keep their partitions
            known = self._admin.list_topics(timeout=10).topics
            publishers = dict.fromkeys((*PUBLISHERS, *self._databases))
            facts = (f"{service}.events" for service in publishers)
            topics = [topic for topic in (*facts, *STATE_TOPICS) if topic in known]
            self._places = [TopicPartition(topic, n) for topic in topics for n in known[topic].partitions]
        newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = self._admin.list_offsets(dict.fromkeys(self._places, newest), request_timeout=10)
        return {(place.topic, place.partition): found.result().offset for place, found in asked.items()}

    async def quiet(self, *, seconds: float = _PATIENCE_SECONDS, strangers: Strangers | None = None) -> Look:
        """The look that found nothing left to do, twice in a row. Raises CannotRun naming what is still busy or out of reach."""
        loop = asyncio.get_running_loop()
        until, calm, why = loop.time() + seconds, 0, "nothing answered yet"
        while loop.time() < until:
            try:
                look = await self.look(strangers)
                calm = 0 if look.busy or len(look.offsets) != 1 else calm + 1
                why = ", ".join(look.busy) or "the clocks do not agree yet"
                if calm == 2:
                    return look
            except OutOfReach as away:
                calm, why = 0, str(away)
            await asyncio.sleep(_LOOK_SECONDS)
        raise CannotRun(f"the sandbox is not quiet after {seconds:.0f} s: {why}")

    async def advance(self, by: timedelta, say: Callable[[datetime], None] = lambda _: None) -> datetime:
        """Lives through `by` of domain time; the instant reached. Each hop is said as it is made."""
        look = await self.quiet(strangers=self._strangers)
        return (await self._live(look, look.now + by, say)).now

    async def advance_to(self, instant: datetime) -> None:
        """The same up to an instant, unless it has passed."""
        await self._live(await self.quiet(strangers=self._strangers), instant)

    async def hop(self, look: Look, limit: datetime, say: Callable[[datetime], None] = lambda _: None) -> Look:
        """From a quiet look to the next instant at which anything is due, or to the limit if that is before it."""
        return await self.hop_to(look, min(look.next_due or limit, limit), say)

    async def hop_to(self, look: Look, to: datetime, say: Callable[[datetime], None] = lambda _: None) -> Look:
        """From a quiet look to this instant at once: what is due on the way is late."""
        (offset,) = look.offsets
        # a hair past the instant: what is due at it is due now
        self._publish(offset + (to - look.now) + timedelta(milliseconds=1))
        say(to)
        return await self.quiet(strangers=self._strangers)

    async def _live(self, look: Look, target: datetime, say: Callable[[datetime], None] = lambda _: None) -> Look:
        while look.now < target:
            look = await self.hop(look, target, say)
        return look

    def _publish(self, offset: timedelta) -> None:
        value = json.dumps({"offset_seconds": offset.total_seconds()}).encode()
        self._producer.produce(CLOCK, key=b"clock", value=value)
        if self._producer.flush(20):
            raise CannotRun("Kafka did not take the new time")


class _Reached:
    """A service's database, connected to anew when the connection is lost."""

    def __init__(self, service: str, url: str) -> None:
        self._service, self._url = service, url
        self._connection: Database | None = None

    async def state(self) -> tuple[asyncpg.Record, list[asyncpg.Record]]:
        [state] = await self.rows(_STATE)
        return state, await self.rows(_OFFSETS)

    async def rows(self, sql: str, *args: object) -> list[asyncpg.Record]:
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(
                    self._url, timeout=_ANSWER_SECONDS, command_timeout=_ANSWER_SECONDS
                )
            return list(await self._connection.fetch(sql, *args))
        except _TROUBLE as trouble:
            await self.close()
            raise OutOfReach(f"{self._service}'s database does not answer ({_said(trouble)})") from trouble

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _said(trouble: BaseException) -> str:
    return (str(trouble) or type(trouble).__name__).partition("\n")[0]


@asynccontextmanager
async def sandbox(env: Mapping[str, str], *, beside: Sequence[str] = ()) -> AsyncIterator[Sandbox]:
    """The sandbox that this environment describes; `beside` are services of somebody else's to be looked at too.

    Raises CannotRun for anything that is not a sandbox.
    """
    if env.get("POLYPLUS_SANDBOX") != "1":
        raise CannotRun(
            "only a sandbox has a clock that moves; this environment is not one (POLYPLUS_SANDBOX is not 1)"
        )
    kafka: dict[str, str | int | float | bool] = {
        **_CLIENT,
        "bootstrap.servers": env["POLYPLUS_KAFKA_BOOTSTRAP"],
        "sasl.username": env["POLYPLUS_KAFKA_ADMIN_USER"],
        "sasl.password": env["POLYPLUS_KAFKA_ADMIN_PASSWORD"],
    }
    databases = {service: env[f"POLYPLUS_{service.upper()}_DATABASE_URL"] for service in (*SERVICES, *beside)}
    simulators = {"carrier": env["POLYPLUS_CARRIER_URL"], "partner": env["POLYPLUS_PARTNER_URL"]}
    async with httpx.AsyncClient(trust_env=False) as http:
        box = Sandbox(databases, simulators, http, Producer(kafka), AdminClient(kafka))
        try:
            yield box
        finally:
            await box.close()
