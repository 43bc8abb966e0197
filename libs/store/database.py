"""A service's database: its pool, and transactions on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import asyncpg

from libs.store.transaction import Cause, Scope, Transaction

_BEGIN = """
SELECT app_now(), set_config('polyplus.scope', $1, true), set_config('polyplus.accounts', $2, true),
       $3::text IS NULL OR pg_try_advisory_xact_lock(hashtextextended($3, 0))
"""
LIVELY = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""The server finds out within 25 s that a peer is gone, and lets go of its locks."""


async def _leave_as_it_is(_: object) -> None:
    """All that a transaction sets is its own, so a connection goes back without a round trip to reset it."""


class Database:
    """Transactions for the run-time role of one service."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.pool = pool
        self.wake_ups: list[Callable[[], None]] = []
        """Called after a commit that left work behind: events for the relay, calls to the outside."""

    @classmethod
    async def connect(cls, url: str, *, size: int = 16) -> Self:
        """Opens the pool; `url` is the run-time role's."""
        # asyncpg replaces a connection after 50,000 queries by default, which stalls its waiters
        pool = await asyncpg.create_pool(
            url, min_size=1, max_size=size, max_queries=10_000_000, timeout=10, command_timeout=60,
            statement_cache_size=500, reset=_leave_as_it_is,
            server_settings={**LIVELY, "idle_in_transaction_session_timeout": "30s"},
        )  # fmt: skip
        return cls(pool)

    async def close(self) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def transaction(
        self, scope: Scope, *, traceparent: str | None = None, cause: Cause | None = None, exclusive: str | None = None
    ) -> AsyncIterator[Transaction]:
        """Commits on leaving, with everything flushed; rolls back on an exception.

        `exclusive` names what only one transaction at a time may do; the others find `tx.exclusive` false.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            accounts = ",".join(map(str, scope.accounts))
            now, _, _, free = await connection.fetchrow(_BEGIN, scope.kind, accounts, exclusive)  # type: ignore[misc]
            tx = Transaction(connection, scope, now, traceparent=traceparent, cause=cause, exclusive=free)  # type: ignore[arg-type]
            yield tx
            await tx.flush()
        if tx.left_work:
            for wake in self.wake_ups:
                wake()
