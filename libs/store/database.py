"""A service's database: its pool, and transactions on it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any, Self

import asyncpg
from opentelemetry.trace import SpanKind

from libs.store.context import Cause, Once, Remembered, Scope
from libs.store.pending import Left
from libs.store.tracing import span
from libs.store.transaction import Transaction

_START = (
    "SELECT app_now() AS now, (SELECT revision FROM reference_revision) AS reference, "
    "set_config('polyplus.scope', $1, true), set_config('polyplus.accounts', $2, true)"
)
_START_ONCE = "SELECT * FROM start_request($1, $2, $3, $4, $5)"
Start = tuple[Any, ...]
"""A statement and its arguments. Its one row has `now` and `reference`."""
Wake = Callable[[Left], None]
_POSTGRESQL = {"db.system.name": "postgresql", "db.operation.name": "COMMIT"}
LIVELY = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""The server finds out within 25 s that a peer is gone, and lets go of its locks."""
STARTING_SECONDS, _LOOK_SECONDS = 120.0, 0.2
"""How long a server may be starting up, as it does after a crash. Who ended instead would be started again later each time."""


PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan"}
"""A statement is planned once for a connection. By itself PostgreSQL plans every flush anew, since it sees how short its arrays
are: a tenth of a request's time."""


async def _leave_as_it_is(_: object) -> None:
    """All that a transaction sets is its own, so a connection goes back without a round trip to reset it."""


class Database:
    """Transactions for the run-time role of one service."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.pool = pool
        self._wakes: dict[Left, list[Wake]] = {"events": [], "timers": [], "jobs": [], "lanes": []}
        self._remembered: Remembered = {}

    @classmethod
    async def connect(cls, url: str, *, size: int = 16) -> Self:
        """Opens the pool; `url` is the run-time role's. A server that says that it is starting up is waited for."""
        until = time.monotonic() + STARTING_SECONDS
        while True:
            try:
                return cls(await cls._pool(url, size))
            except asyncpg.CannotConnectNowError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(_LOOK_SECONDS)

    @staticmethod
    async def _pool(url: str, size: int) -> "asyncpg.Pool[asyncpg.Record]":
        # asyncpg replaces a connection after 50,000 queries by default, which stalls its waiters
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            max_queries=10_000_000,
            timeout=10,
            command_timeout=60,
            statement_cache_size=500,
            reset=_leave_as_it_is,
            server_settings={**LIVELY, **PLANNED_ONCE, "idle_in_transaction_session_timeout": "30s"},
        )

    async def close(self) -> None:
        await self.pool.close()

    @contextmanager
    def waking(self, wake: Wake, *whats: Left) -> Iterator[None]:
        """Meanwhile `wake` is called after each commit here that left some of this; and by whoever has heard of one elsewhere."""
        for what in whats:
            self._wakes[what].append(wake)
        try:
            yield
        finally:
            for what in whats:
                self._wakes[what].remove(wake)

    def wake(self, what: Left) -> None:
        """Somebody has left some of this to be taken up."""
        for wake in self._wakes[what]:
            wake(what)

    @asynccontextmanager
    async def transaction(
        self,
        scope: Scope,
        *,
        traceparent: str | None = None,
        cause: Cause | None = None,
        once: Once | None = None,
        start: Start | None = None,
        rebuilding: str | None = None,
    ) -> AsyncIterator[Transaction]:
        """Commits on leaving, with everything flushed; rolls back on an exception.

        `once` names a request of which one transaction at a time may work: `tx.started` says whether this is the one (`alone`)
        and holds the answer of one that has. `start` is another first statement, which sets the context itself.
        `rebuilding` names the one table that may be written.
        """
        with ExitStack() as committing:
            async with self.pool.acquire() as connection, connection.transaction():
                if start is None:
                    context = scope.kind, ",".join(map(str, scope.accounts))
                    start = (_START_ONCE, *context, *once) if once else (_START, *context)
                started = await connection.fetchrow(*start)
                assert started is not None
                tx = Transaction(
                    connection,  # type: ignore[arg-type]
                    scope,
                    started["now"],
                    traceparent,
                    cause,
                    rebuilding,
                    started,
                    started["reference"],
                    self._remembered,
                )
                yield tx
                committing.enter_context(span("commit", SpanKind.CLIENT, _POSTGRESQL))
                await tx.flush()
        for what in tx.pending.left:
            self.wake(what)
