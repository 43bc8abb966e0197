"""The sandbox clock: offsets come on the compacted topic `platform.clock`, and each database keeps the one in force."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.kafka import Kafka, close
from libs.bus.waiting import unless
from libs.store import Database

log = structlog.get_logger()
TOPIC = "platform.clock"
KEY = b"clock"
_WAIT_MS = 5000
"""So long at most the broker keeps a fetch that finds nothing: a record is handed over at once."""


def encode(offset: timedelta) -> bytes:
    """The record that puts this offset in force."""
    return json.dumps({"offset_seconds": offset.total_seconds()}).encode()


async def follow_clock(
    bootstrap: str, user: str, password: str, *, stop: asyncio.Event | None = None
) -> AsyncIterator[timedelta]:
    """The offsets as they are put in force, the present one first; ends when `stop` is set."""
    tp, stop = TopicPartition(TOPIC, 0), stop or asyncio.Event()
    client = AIOKafkaConsumer(
        **Kafka(bootstrap, user, password).common(),
        enable_auto_commit=False,
        fetch_max_wait_ms=_WAIT_MS,
        consumer_timeout_ms=1000,
    )
    await client.start()
    try:
        client.assign([tp])
        await client.seek_to_beginning(tp)
        while not stop.is_set():
            found = await unless(stop, client.getmany(timeout_ms=_WAIT_MS))
            if records := (found or {}).get(tp):
                yield timedelta(seconds=json.loads(records[-1].value)["offset_seconds"])
    finally:
        await close(client)


class ClockFollower:
    """Keeps `app_clock` at the offset in force. Only a sandbox runs one."""

    def __init__(self, database: Database, kafka: Kafka, moved: Callable[[], None]) -> None:
        self._database, self._kafka, self._moved = database, kafka, moved

    async def run(self, stop: asyncio.Event) -> None:
        kafka = self._kafka
        async for offset in follow_clock(kafka.bootstrap, kafka.user, kafka.password, stop=stop):
            async with self._database.pool.acquire() as connection:
                await connection.execute("UPDATE app_clock SET time_offset = $1 WHERE time_offset < $1", offset)
            self._moved()
            log.info("the sandbox clock moved", offset_seconds=offset.total_seconds())
