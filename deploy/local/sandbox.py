"""The sandbox clock: moves every service and simulator through domain time, timer by timer, in order.

A hop goes to the next instant at which anything is due anywhere, and the next hop waits until all is quiet: no timer due, no call
to the outside on its way, every outbox published, every event consumed. So two weeks of contract life are lived in seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.local.errors import CannotRun
from deploy.topics import CLOCK, PUBLISHERS, SERVICES

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

_CLIENT: dict[str, str | int | float | bool] = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "SCRAM-SHA-512",
    "log_level": 2,
}
_STATE = """
SELECT app_now() AS now, (SELECT time_offset FROM app_clock) AS time_offset, (SELECT min(due_at) FROM timers) AS due,
       (SELECT count(*) FROM jobs WHERE last_error IS NULL OR due_at < clock_timestamp() + interval '3 s') AS jobs,
       (SELECT count(*) FROM outbox, relay_position WHERE NOT pg_visible_in_snapshot(xid, prev)) AS unpublished
"""
_OFFSETS = "SELECT topic, partition, next FROM consumer_offsets"
_LOOK_SECONDS = 0.03
_PATIENCE_SECONDS = 120


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
        databases: Mapping[str, Database],
        simulators: Mapping[str, str],
        http: httpx.AsyncClient,
        producer: Producer,
        admin: AdminClient,
    ) -> None:
        self._databases, self._simulators, self._http = databases, simulators, http
        self._producer, self._admin = producer, admin
        self._places: list[TopicPartition] = []

    async def look(self) -> Look:
        """Raises what a part that is out of reach raises."""
        busy: list[str] = []
        dues: list[datetime] = []
        ends, states, told = await asyncio.gather(
            asyncio.to_thread(self._ends),
            asyncio.gather(*(_state(database) for database in self._databases.values())),
            asyncio.gather(*(self._told(url) for url in self._simulators.values())),
        )
        offsets, nows = set(), []
        for service, (state, consumed) in zip(self._databases, states, strict=True):
            nows.append(state["now"])
            offsets.add(state["time_offset"])
            if state["due"]:
                dues.append(state["due"])
            if state["due"] and state["due"] <= state["now"]:
                busy.append(f"{service} has timers to fire")
            if state["jobs"]:
                busy.append(f"{service} calls the outside")
            if state["unpublished"]:
                busy.append(f"{service} has events to publish")
            if behind := sum(max(0, ends.get((r["topic"], r["partition"]), 0) - r["next"]) for r in consumed):
                busy.append(f"{service} has {behind} events to consume")
        now = max(nows)
        for name, found in zip(self._simulators, told, strict=True):
            due = found["next_due"] and datetime.fromisoformat(found["next_due"])
            if due:
                dues.append(due)
            if found["owed_notices"] or (due and due <= now):
                busy.append(f"the {name} has something to tell")
            offsets.add(timedelta(seconds=found["offset_seconds"]))
        return Look(now, frozenset(offsets), min((d for d in dues if d > now), default=None), tuple(busy))

    async def _told(self, url: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self._http.get(f"{url}/simulate/state")).raise_for_status().json()
        return found

    def _ends(self) -> dict[tuple[str, int], int]:
        if not self._places:  # topics are made with the stack, and keep their partitions
            known = self._admin.list_topics(timeout=10).topics
            publishers = dict.fromkeys((*PUBLISHERS, *self._databases))
            topics = [topic for topic in (f"{service}.events" for service in publishers) if topic in known]
            self._places = [TopicPartition(topic, n) for topic in topics for n in known[topic].partitions]
        newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = self._admin.list_offsets(dict.fromkeys(self._places, newest), request_timeout=10)
        return {(place.topic, place.partition): found.result().offset for place, found in asked.items()}

    async def quiet(self, *, seconds: float = _PATIENCE_SECONDS) -> Look:
        """The look that found nothing left to do, twice in a row. Raises CannotRun naming what is still busy."""
        loop = asyncio.get_running_loop()
        until, calm, why = loop.time() + seconds, 0, "nothing answered yet"
        while loop.time() < until:
            with suppress(
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
                httpx.HTTPError,
                KafkaException,
            ):
                look = await self.look()
                calm = 0 if look.busy or len(look.offsets) != 1 else calm + 1
                why = ", ".join(look.busy) or "the clocks do not agree yet"
                if calm == 2:
                    return look
            await asyncio.sleep(_LOOK_SECONDS)
        raise CannotRun(f"the sandbox is not quiet after {seconds:.0f} s: {why}")

    async def advance(self, by: timedelta, say: Callable[[datetime], None] = lambda _: None) -> datetime:
        """Lives through `by` of domain time; the instant reached. Each hop is said as it is made."""
        look = await self.quiet()
        return (await self._live(look, look.now + by, say)).now

    async def advance_to(self, instant: datetime) -> None:
        """The same up to an instant, unless it has passed."""
        await self._live(await self.quiet(), instant)

    async def hop(self, look: Look, limit: datetime, say: Callable[[datetime], None] = lambda _: None) -> Look:
        """From a quiet look to the next instant at which anything is due, or to the limit if that is before it."""
        to = min(look.next_due or limit, limit)
        (offset,) = look.offsets
        # a hair past the instant: what is due at it is due now
        self._publish(offset + (to - look.now) + timedelta(milliseconds=1))
        say(to)
        return await self.quiet()

    async def _live(self, look: Look, target: datetime, say: Callable[[datetime], None] = lambda _: None) -> Look:
        while look.now < target:
            look = await self.hop(look, target, say)
        return look

    def _publish(self, offset: timedelta) -> None:
        value = json.dumps({"offset_seconds": offset.total_seconds()}).encode()
        self._producer.produce(CLOCK, key=b"clock", value=value)
        if self._producer.flush(20):
            raise CannotRun("Kafka did not take the new time")


async def _state(database: Database) -> tuple[asyncpg.Record, list[asyncpg.Record]]:
    state = await database.fetchrow(_STATE)
    assert state is not None
    return state, await database.fetch(_OFFSETS)


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
    databases = {}
    try:
        services = (*(service for service in SERVICES if service != "gateway"), *beside)  # that keeps no domain time
        for service in services:
            databases[service] = await asyncpg.connect(env[f"POLYPLUS_{service.upper()}_DATABASE_URL"])
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            simulators = {"carrier": env["POLYPLUS_CARRIER_URL"], "partner": env["POLYPLUS_PARTNER_URL"]}
            yield Sandbox(databases, simulators, http, Producer(kafka), AdminClient(kafka))
    finally:
        for database in databases.values():
            await database.close()
