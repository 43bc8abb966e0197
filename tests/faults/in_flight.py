"""What a victim was doing at the very moment: transactions under way, requests open, events not yet published or consumed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.services import PUBLISHING, SERVICES
from tests.faults.targets import API, BROKER, POSTGRES, Target

_SECONDS = 1.0
_TRANSACTIONS = """
SELECT application_name AS process, count(*) AS transactions FROM pg_stat_activity
 WHERE application_name LIKE '%.%' AND (backend_xid IS NOT NULL OR state LIKE 'idle in transaction%') GROUP BY 1
"""
"""What writes, or is between two statements; a poll of a relay's or a timer's is neither."""
# A relay works when rows are unpublished; what a service waits for at Kafka shows as rows its neighbours have sent and it has not seen.
_UNPUBLISHED = "SELECT count(*) FROM outbox, relay_position WHERE NOT pg_visible_in_snapshot(xid, prev)"
_JOBS = "SELECT count(*) FROM jobs WHERE claim IS NOT NULL AND due_at > clock_timestamp()"
_GONE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


class InFlight:
    """Asks PostgreSQL straight, past every proxy, and the load which requests it waits for (`open`, by service)."""

    def __init__(self, env: Mapping[str, str], open: Mapping[str, int]) -> None:
        self._admin, self._open = env["POLYPLUS_POSTGRES_ADMIN_URL"], open
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}
        self._databases = {service: urlsplit(env[f"POLYPLUS_{service.upper()}_OWNER_URL"]).path for service in SERVICES}

    async def close(self) -> None:
        for connection in self._connections.values():
            connection.terminate()
        self._connections.clear()

    async def wait_for(self, target: Target, seconds: float) -> str | None:
        """What this target has in hand, as soon as it has anything; None when it had nothing for so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            if (found := await self.of(target)) is not None or loop.time() > end:
                return found
            await asyncio.sleep(0.02)

    async def of(self, target: Target) -> str | None:
        """One line, or None when there is nothing or nobody can tell (which counts as nothing)."""
        if not target.family():
            return None  # it is not there to be interrupted
        with contextlib.suppress(*_GONE):
            async with asyncio.timeout(_SECONDS):
                return await self._of(target)
        return None

    async def _of(self, target: Target) -> str | None:
        if target.kind == BROKER:
            waiting = await asyncio.gather(*(self._count(service, _UNPUBLISHED) for service in PUBLISHING))
            return _say("events being published", sum(waiting))
        open = sum(self._open.values()) if target.service == "gateway" else self._open.get(target.service, 0)
        if target.kind == API and open:
            return _say("requests open", open)
        rows = await (await self._connection("postgres")).fetch(_TRANSACTIONS)
        if target.kind == POSTGRES:
            return _say("transactions under way", sum(row["transactions"] for row in rows))
        own = sum(row["transactions"] for row in rows if row["process"] == target.name)
        if own or target.kind == API:
            return _say("transactions under way", own)
        if unpublished := await self._count(target.service, _UNPUBLISHED):
            return _say("events being published", unpublished)
        return _say("calls to the outside under way", await self._count(target.service, _JOBS))

    async def _count(self, service: str, query: str) -> int:
        return int(await (await self._connection(service)).fetchval(query))

    async def _connection(self, database: str) -> asyncpg.Connection[asyncpg.Record]:
        known = self._connections.get(database)
        if known is None or known.is_closed():
            path = self._databases.get(database, "/postgres")
            url = urlunsplit(urlsplit(self._admin)._replace(path=path))
            known = self._connections[database] = await asyncpg.connect(url, timeout=_SECONDS)
        return known


def _say(what: str, count: int) -> str | None:
    return f"{count} {what}" if count else None
