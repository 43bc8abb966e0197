"""The sandbox clock: offsets come on the compacted topic `platform.clock`, and each database keeps the one in force."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.kafka import Kafka, close
from libs.store import Database

log = structlog.get_logger()
TOPIC = "platform.clock"
KEY = b"clock"


def encode(offset: timedelta) -> bytes:
    """The record that puts this offset in force."""
    return json.dumps({"offset_seconds": offset.total_seconds()}).encode()


async def follow_clock(
    bootstrap: str, user: str, password: str, *, stop: asyncio.Event | None = None
) -> AsyncIterator[timedelta]:
    """The offsets as they are put in force, the present one first; ends when `stop` is set."""
    tp = TopicPartition(TOPIC, 0)
    client = AIOKafkaConsumer(
        **Kafka(bootstrap, user, password).common(), enable_auto_commit=False, fetch_max_wait_ms=500
    )
    await client.start()
    try:
        client.assign([tp])
        await client.seek_to_beginning(tp)
        while stop is None or not stop.is_set():
            records = (await client.getmany(timeout_ms=200)).get(tp)
            if records:
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
