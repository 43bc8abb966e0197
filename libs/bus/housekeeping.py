"""What keeps a service's runtime tables small and ready, whatever Kafka and the relay are doing."""

import asyncio
from contextlib import suppress

import structlog

from libs.store import Database

log = structlog.get_logger()
PAUSE_SECONDS = 10.0
_LOCK = 7_106_511_852_580_896_769  # one process at a time for a database


async def keep_house(database: Database, stop: asyncio.Event) -> None:
    """Adds outbox partitions ahead of the writers, drops published ones, forgets idempotency keys after seven days."""
    while not stop.is_set():
        try:
            async with database.pool.acquire() as connection, connection.transaction():
                if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                    await connection.execute("SELECT outbox_add_partitions()")
            async with database.pool.acquire() as connection:
                while await connection.fetchval("SELECT outbox_drop_published()"):
                    log.info("an outbox partition was dropped")
                await connection.execute(
                    "DELETE FROM idempotency_keys WHERE created_at < clock_timestamp() - interval '7 days'"
                )
        except Exception as error:
            log.error("housekeeping failed; it is tried again", exc_info=error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)
