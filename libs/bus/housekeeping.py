"""What keeps a service's runtime tables small and ready, whatever Kafka and the relay are doing."""

import asyncio

import structlog

from libs.bus import locks
from libs.bus.retention import Retention, sweep
from libs.bus.waiting import within
from libs.store import Database

log = structlog.get_logger()
PAUSE_SECONDS = 10.0
SWEEP_SECONDS = 3600.0


async def keep_house(database: Database, retention: Retention, stop: asyncio.Event) -> None:
    """Adds outbox partitions ahead of the writers and drops published ones; sweeps out, every hour, what need not be kept."""
    clock, swept = asyncio.get_running_loop().time, float("-inf")
    while not stop.is_set():
        try:
            async with database.pool.acquire() as connection, connection.transaction():
                if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", locks.HOUSEKEEPING):
                    await connection.execute("SELECT outbox_add_partitions()")
            async with database.pool.acquire() as connection:
                while await connection.fetchval("SELECT outbox_drop_published()"):
                    log.info("an outbox partition was dropped")
            if clock() - swept >= SWEEP_SECONDS:
                if removed := await sweep(database, retention, stop):
                    log.info("swept", **removed)
                swept = clock()
        except Exception as error:
            log.error("housekeeping failed; it is tried again", exc_info=error)
        await within(PAUSE_SECONDS, stop)
