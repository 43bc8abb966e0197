"""How a service's consumer stands: each member says so every few seconds in the service's own database, so that every process of
the service knows, whichever role it has, and so does who asks it."""

import asyncio
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from libs.store import Database

log = structlog.get_logger()
SIGN_OF_LIFE_SECONDS = 5.0
BEHIND_EVENTS = 1000
_SILENCE_SECONDS = 20
_PATIENCE_SECONDS = 2.0
_SAY = """
INSERT INTO consumer_states AS s (consumer, member, halted, lag) VALUES ($1, $2, $3, $4)
ON CONFLICT (consumer, member) DO UPDATE SET at = clock_timestamp(), halted = excluded.halted, lag = excluded.lag
"""
_LEAVE = """
DELETE FROM consumer_states WHERE consumer = $1 AND (member = $2 OR at < clock_timestamp() - interval '10 minutes')
"""
_LOOK = f"""
SELECT count(*) AS members, count(halted) AS halted, min(halted) AS reason, coalesce(sum(lag), 0)::bigint AS lag,
       (SELECT count(*) FROM parked_keys WHERE consumer = $1) AS parked,
       (SELECT count(*) FROM dead_letters
         WHERE consumer = $1 AND status = 'dead' AND out_of_order) AS out_of_order
  FROM consumer_states WHERE consumer = $1 AND at > clock_timestamp() - interval '{_SILENCE_SECONDS} seconds'
"""
Status = Literal["ok", "behind", "degraded", "halted", "away"]


@dataclass(frozen=True)
class Standing:
    """`halted`: nothing is consumed until an operator has looked. `away`: nobody consumes. `degraded`: some keys are parked, or one of
    several members has halted. `behind`: there is more to consume than it should be. `detail` holds no value of any event."""

    status: Status
    detail: str = ""


async def standing(
    connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]", consumer: str
) -> Standing:
    """As its members last said."""
    row = await connection.fetchrow(_LOOK, consumer)
    assert row is not None
    if not row["members"]:
        return Standing("away", f"no consumer has given a sign of life for {_SILENCE_SECONDS} s")
    if row["halted"] == row["members"]:
        return Standing("halted", row["reason"])
    if row["halted"]:
        return Standing("degraded", f"{row['halted']} of {row['members']} consumers have halted: {row['reason']}")
    if row["parked"]:
        late = f", {row['out_of_order']} of them for a version that had passed" if row["out_of_order"] else ""
        return Standing("degraded", f"{row['parked']} keys are parked{late}")
    if row["lag"] > BEHIND_EVENTS:
        return Standing("behind", f"{row['lag']} events are still to be consumed")
    return Standing("ok")


async def trouble(database: Database, consumer: str) -> str | None:
    """For readiness: what an operator has to look at, in one line; being behind is none."""
    async with database.pool.acquire(timeout=1) as connection:
        found = await standing(connection, consumer)
    return None if found.status in ("ok", "behind") else f"{found.status}: {found.detail}"


async def say(database: Database, consumer: str, member: UUID, *, halted: str | None, lag: int) -> None:
    """How this member stands. A database that does not take it is no trouble of its own: silence says the same."""
    await _told(database, _SAY, consumer, member, halted, lag)


async def leave(database: Database, consumer: str, member: UUID) -> None:
    """This member ends as it should."""
    await _told(database, _LEAVE, consumer, member)


async def _told(database: Database, sql: str, *arguments: object) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), database.pool.acquire() as connection:
            await connection.execute(sql, *arguments)
    except Exception as error:
        log.warning("how the consumer stands could not be said", error=type(error).__name__)
