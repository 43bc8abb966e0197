"""One service against a real PostgreSQL: a route or `deliver(event)` in; response, rows and outbox out.

`rma = harness_fixture(service)` in a service's `tests/conftest.py`; then in a test
`await rma.deliver(FaultDiagnosed(…))`, `await rma.post("/v1/rmas/…/ship", {…}, role="depot")`, `await rma.events(PartShipped)`.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import httpx
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from starlette.datastructures import State as AppState
from uuid_utils.compat import uuid7

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from deploy.local.waiting import until_async
from libs.bus.batch import Partition, work
from libs.bus.envelope import Delivery
from libs.bus.log import Offsets
from libs.bus.rebuild import Rebuilt, rebuild
from libs.bus.replicas import named
from libs.bus.standing import say
from libs.bus.timers import next_due
from libs.events import Event, State, decode, kind_of
from libs.kit.auth import Principal, Verifier, mint
from libs.kit.service import Service
from libs.store import Database, Scope, Transaction
from libs.store.metadata import RUNTIME_TABLES, metadata
from tests.support.tables import emptying

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=State)
SIGNING_KEY = Ed25519PrivateKey.generate()
_KEEP = {"alembic_version", "app_clock", "relay_position", "reference_revision"}
_PATIENCE_SECONDS = 20
_VOLATILE = {"id", "version", "revision", "created_at", "updated_at"}


class Harness:
    """A service with an empty database of its own."""

    def __init__(self, service: Service, database: Database, owner_url: str, app: FastAPI | None = None) -> None:
        self.service, self.database, self._owner_url = service, database, owner_url
        verifier = Verifier(SIGNING_KEY.public_key())
        self.app = app or service.app(database, verifier)
        self.app.state = AppState({"database": database, "verifier": verifier, "stopping": asyncio.Event()})
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test")
        self.bound: dict[str, dict[str, Any]] = {}
        """What a caller of a role is bound to, unless a test says it: `{"depot": {"depots": [HCM]}}`."""
        self._versions: dict[tuple[str, UUID], int] = defaultdict(int)
        self._began = self._clock = datetime.now(UTC) - timedelta(minutes=10)
        self._log: dict[str, list[Delivery]] = defaultdict(list)

    # --- the API ---------------------------------------------------------------------------------------------------

    def token(self, role: str, accounts: Sequence[UUID] = (), depots: Sequence[UUID] = (), **ids: UUID) -> str:
        """A bearer token as the gateway mints it. Each role is one caller, so that a key can be replayed."""
        subject = UUID(int=sum(role.encode()) + sum(a.int for a in accounts) % 2**100)
        return mint(
            Principal(subject, f"the {role}", role, frozenset(accounts), depots=frozenset(depots), **ids), SIGNING_KEY
        )

    async def request(
        self, method: str, path: str, body: Any = None, *, role: str = "engineer",
        key: str | None = None, headers: dict[str, str] | None = None, **bound: Any,
    ) -> httpx.Response:  # fmt: skip
        """Calls a route as `role`; POSTs get a fresh Idempotency-Key unless `key` is given."""
        sent = {"authorization": f"Bearer {self.token(role, **(self.bound.get(role, {}) | bound))}", **(headers or {})}
        if method == "POST":
            sent.setdefault("idempotency-key", key or str(uuid7()))
        return await self.http.request(method, path, json=body, headers=sent)

    async def get(self, path: str, **how: Any) -> httpx.Response:
        return await self.request("GET", path, **how)

    async def post(self, path: str, body: Any = None, **how: Any) -> httpx.Response:
        return await self.request("POST", path, body if body is not None else {}, **how)

    async def patch(self, path: str, body: Any, *, etag: str, **how: Any) -> httpx.Response:
        return await self.request("PATCH", path, body, headers={"if-match": etag}, **how)

    # --- events ----------------------------------------------------------------------------------------------------

    def delivery(
        self, event: Event, *, account_id: UUID | None = None, at: datetime | None = None, actor: str = "system"
    ) -> Delivery:
        """The event as it would come from Kafka. Versions count up per aggregate; times tick unless given."""
        self._clock += timedelta(seconds=1)
        aggregate = (kind_of(event.contract.ce_type), event.subject)
        self._versions[aggregate] += 1
        return Delivery(
            topic=event.contract.topic, partition=0, offset=0, key=event.key, event_id=uuid7(), type=event.contract.ce_type,
            subject=event.subject, version=self._versions[aggregate], time=at or self._clock,
            actor=actor, account_id=account_id or getattr(event, "account_id", None), causation_id=None, traceparent=None,
            data=event.model_dump_json().encode(),
        )  # fmt: skip

    async def deliver(self, *events: Event | Delivery, together: bool = False, **how: Any) -> None:
        """Lets the service consume these through the very code the consumer runs; a handler's error comes through.

        One transaction for each, or, `together`, one for all that follow each other on a topic, as a consumer's batch.
        """
        told = [event if isinstance(event, Delivery) else self.delivery(event, **how) for event in events]
        if together:
            for _, batch in groupby(told, key=lambda delivery: delivery.topic):
                await self._consume(list(batch))
        else:
            for delivery in told:
                await self._consume([delivery])

    async def _consume(self, batch: Sequence[Delivery]) -> None:
        if batch[0].topic in self.service.replicas.topics:
            async with self.database.transaction(Scope.system(self.service.name)) as tx:
                await self.service.replicas.apply(batch, tx)
            return
        partition = Partition(self.service.name, batch[0].topic, 0)
        async with self.database.pool.acquire() as connection:
            offset = await connection.fetchval(
                "INSERT INTO consumer_offsets AS o VALUES ($1, $2, 0, 0) "
                "ON CONFLICT (consumer, topic, partition) DO UPDATE SET next = o.next RETURNING next",
                partition.consumer, partition.topic,
            )  # fmt: skip
        placed = [replace(delivery, offset=offset + n) for n, delivery in enumerate(batch)]
        self._log[partition.topic][offset:] = placed
        await work(self.database, self.service.handlers, partition, offset, placed, next=offset + len(placed))

    async def outbox(self) -> list[asyncpg.Record]:
        """Every row emitted since the test began, in order."""
        async with self.database.pool.acquire() as connection:
            return list(await connection.fetch("SELECT * FROM outbox ORDER BY id"))

    async def events(self, *types: type[E]) -> list[E]:
        """The events emitted since the test began, of these types or all."""
        rows = await self.outbox()
        found = [decode(row["type"], row["data"]) for row in rows if row["topic"].endswith(".events")]
        return [e for e in found if not types or isinstance(e, types)]  # type: ignore[misc]

    async def states(self, kind: type[S]) -> dict[UUID, S | None]:
        """What was told as state, by key: the newest, None where it is gone."""
        async with self.database.pool.acquire() as connection:
            rows = await connection.fetch("SELECT key, data FROM states WHERE type = $1", kind.contract.ce_type)
        return {row["key"]: row["data"] and kind.model_validate_json(row["data"]) for row in rows}

    def record(self, id: UUID, state: State | type[State], *, version: int = 1) -> Delivery:
        """Another's state as it would come from Kafka; the class alone is null: this one is gone."""
        contract = state.contract
        return Delivery(
            topic=contract.topic, partition=0, offset=0, key=id, event_id=uuid7(), type=contract.ce_type, subject=id,
            version=version, time=self._clock, actor="system", account_id=None, causation_id=None, traceparent=None,
            data=state.model_dump_json().encode() if isinstance(state, State) else None,
        )  # fmt: skip

    async def learn(self, states: Mapping[UUID, State | type[State]], *, version: int = 1) -> None:
        """Others' states as the service's replicas get them."""
        await self.deliver(*(self.record(id, state, version=version) for id, state in states.items()))

    async def has_caught_up(self, topic: str) -> None:
        """Its replicas of this topic have just been at the end of it."""
        await say(self.database, named(self.service.name, topic), uuid7(), halted=None, lag=0)

    async def rebuild(self, table: str, *, check: bool = False) -> Rebuilt:
        """Reads a projection anew from all that was delivered, as `polyplus rebuild` does from Kafka."""
        [projection] = [each for each in self.service.projections if each.name == table]
        return await rebuild(self._owner_url, self.service.handlers, projection, _Delivered(self._log), check=check)

    # --- time and the outside --------------------------------------------------------------------------------------

    def transaction(self, *, actor: str = "system:test") -> AbstractAsyncContextManager[Transaction]:
        """A worker's transaction, for arranging and for looking."""
        return self.database.transaction(Scope("worker", actor=actor))

    async def now(self) -> datetime:
        """`app_now()`."""
        async with self.database.pool.acquire() as connection:
            now: datetime = await connection.fetchval("SELECT app_now()")
        return now

    async def fire_timers(self) -> int:
        """Fires all that is due now; how many. One whose aggregate somebody has locked is passed over and tried again."""
        total = 0

        async def nothing_is_due() -> bool:
            nonlocal total
            while fired := await self.service.timers.fire_due(self.database):
                total += fired
            _, seconds = await next_due(self.database)
            return seconds > 0

        await until_async(nothing_is_due, seconds=_PATIENCE_SECONDS, otherwise="a timer that is due does not fire")
        return total

    async def advance(self, by: timedelta) -> None:
        """Moves the sandbox clock, hopping from timer to timer as `polyplus clock advance` does."""
        until = await self.now() + by
        await self.fire_timers()
        while True:
            due, _ = await next_due(self.database)
            target = min(due, until) if due else until
            await self._hop(target)
            await self.fire_timers()
            if target >= until:
                return

    async def _hop(self, to: datetime) -> None:
        owner = await asyncpg.connect(self._owner_url)
        try:
            await owner.execute(
                "UPDATE app_clock SET time_offset = time_offset + greatest($1 - app_now(), interval '0')", to
            )
        finally:
            await owner.close()

    async def run_jobs(self) -> int:
        """Works the calls to the outside that are due, until none is; how many attempts."""
        total = 0
        async with self.service.jobs.client() as http:
            while worked := await self.service.jobs.run_due(self.database, http):
                total += worked
        return total

    # --- looking at state ------------------------------------------------------------------------------------------

    async def state(self, *, ignore: Sequence[str] = ()) -> dict[str, list[str]]:
        """Every row of the service's own tables as comparable text, without ids of no cause and times of writing."""
        found = {}
        async with self.database.transaction(Scope("worker")) as tx:
            for table in metadata(self.service.name).sorted_tables:
                rows = await tx.connection.fetch(
                    f'SELECT to_jsonb(t) - $1::text[] AS row FROM "{table.name}" t', [*_VOLATILE, *ignore]
                )
                found[table.name] = sorted(row["row"] for row in rows)
        return found

    async def analyze(self, table: str) -> None:
        """The planner knows what the table holds, as it does of one that has held rows for a minute."""
        owner = await asyncpg.connect(self._owner_url)
        try:
            await owner.execute(f"ANALYZE {table}")
        finally:
            await owner.close()

    async def empty(self) -> None:
        """As after the migrations."""
        owner = await asyncpg.connect(self._owner_url)
        try:
            names = {t.name for t in metadata(self.service.name).sorted_tables} | (RUNTIME_TABLES - _KEEP)
            emptied = await emptying(owner, names)
            await owner.execute(f"SET polyplus.scope = 'worker'; {emptied} UPDATE app_clock SET time_offset = '0'")
        finally:
            await owner.close()
        self._versions.clear()
        self._log.clear()
        self._clock = self._began


@dataclass(frozen=True)
class _Delivered:
    """What a harness has delivered, as a log; read in small batches."""

    records: Mapping[str, list[Delivery]]

    async def read(self, start: Offsets, end: Offsets) -> AsyncIterator[list[Delivery]]:
        for (topic, partition), until in end.items():
            for at in range(start.get((topic, partition), 0), until, 3):
                yield self.records[topic][at : min(at + 3, until)]


_databases: dict[tuple[str, str], tuple[str, str]] = {}


async def service_database(admin_url: str, service: str) -> tuple[str, str]:
    """The owner's and the run-time role's URL of a migrated database, made once in a test run."""
    if (admin_url, service) not in _databases:
        owner_url, runtime_url = await create_service_database(admin_url, service)
        await migrate(service, owner_url)
        _databases[admin_url, service] = owner_url, runtime_url
    return _databases[admin_url, service]


class Pools:
    """Connections to the services' databases, and the apps over them, made once in a test run: what a connection has planned
    stays planned, and what FastAPI has found out about the routes is not found out by every test."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._opened: dict[str, Database] = {}
        self._apps: dict[str, FastAPI] = {}

    async def harness(self, service: Service) -> Harness:
        """A new one, whose app remembers nothing of the one before."""
        owner_url, database = await self.of(service.name)
        made = Harness(service, database, owner_url, self._apps.get(service.name))
        self._apps[service.name] = made.app
        return made

    async def of(self, service: str) -> tuple[str, Database]:
        """Its owner's URL, and its database to one who remembers nothing of it yet."""
        owner_url, url = await service_database(self._admin_url, service)
        if service not in self._opened:
            self._opened[service] = await Database.connect(url, size=8)
        return owner_url, Database(self._opened[service].pool)

    async def close(self) -> None:
        for each in self._opened.values():
            await each.close()


def harness_fixture(service: Service) -> Callable[..., AsyncIterator[Harness]]:
    """A pytest fixture: the service on a real PostgreSQL, emptied for each test."""

    @pytest_asyncio.fixture(loop_scope="session")
    async def fixture(pools: Pools) -> AsyncIterator[Harness]:
        harness = await pools.harness(service)
        await harness.empty()
        async with harness.app.router.lifespan_context(harness.app), harness.http:
            yield harness

    return fixture
