"""The consumer's work, ours: a device's file follows its readings, and each step of it is a fact of its own.

One reading costs an inbox row, a change of the file, and an outbox row of 400 bytes.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.bus import Handlers
from libs.bus.kafka import Kafka
from libs.events import Event
from libs.store import Database, Entity, Transaction
from tests.bench.engines import Engines
from tests.bench.workload import ReadingNoted
from tests.support.tables import database_for

ROWS = 50_000
"""That the tables hold before the work begins, and ten times as many for the variants that say so."""


class DeviceFile(Entity, table="device_files"):
    """What is known of a device."""

    account_id: UUID
    readings: int = 0
    temperature: float = 0.0
    taken_at: datetime | None = None


class DeviceFollowed(Event, type="polyplus.benched.device-followed", visibility="internal", subject="device_id"):
    """The file took in one more reading."""

    device_id: UUID
    account_id: UUID
    number: int
    taken_at: datetime
    temperature: float
    note: str


async def follow(event: ReadingNoted, tx: Transaction) -> None:
    """Keeps the newest reading, and counts."""
    file = await DeviceFile.find(event.device_id, tx, lock=True) or tx.add(
        DeviceFile(id=event.device_id, account_id=event.account_id)
    )
    file.readings += 1
    file.temperature, file.taken_at = event.temperature, event.taken_at
    tx.emit(
        DeviceFollowed(
            device_id=file.id, account_id=event.account_id, number=file.readings, taken_at=event.taken_at,
            temperature=event.temperature, note=event.note,
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A database with the runtime's tables and the files, and where the readings come from."""

    url: str
    owner_url: str
    kafka: Kafka

    def environment(self, **more: str) -> Mapping[str, str]:
        """What a peer's process is told."""
        kafka = {
            "BOOTSTRAP": self.kafka.bootstrap,
            "KAFKA_USER": self.kafka.user,
            "KAFKA_PASSWORD": self.kafka.password,
        }
        return {"DATABASE": self.url, **kafka, **more}


def handlers(consumer: str, *, asking: bool) -> Handlers:
    """`asking` names no file beforehand, so that the handler's own look-up is a query, as for a question that no field answers."""
    on = Handlers(consumer)
    on(ReadingNoted, load={} if asking else {DeviceFile: "device_id"})(follow)
    return on


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[Database]:
    database = await Database.connect(place.url)
    try:
        yield database
    finally:
        await database.close()


async def place_with(engines: Engines, name: str, *, rows: int = ROWS) -> Place:
    """A new database whose tables hold so many rows, and statistics of them."""
    owner_url, url = await database_for(engines.postgres(), name, DeviceFile)
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute((_FILL + PUBLISHED).format(rows=rows))
    finally:
        await owner.close()
    await engines.analyze(owner_url)
    return Place(url, owner_url, Kafka(*engines.kafka()))


PUBLISHED = """
SELECT outbox_add_partitions({rows} + 1000000);
INSERT INTO outbox (topic, key, event_id, type, subject, account_id, version, causation_id, actor, traceparent, time, data)
SELECT 'benched.events', id, uuidv7(), 'polyplus.benched.device-followed.v1', id, id, 1, uuidv7(), 'system:bench',
       '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', now(), convert_to(repeat('x', 400), 'UTF8')
  FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {rows})) AS made;
"""
"""Rows of the outbox that are not to be published any more."""
_FILL = """
INSERT INTO device_files (id, version, revision, account_id, readings, temperature)
SELECT gen_random_uuid(), 1, 1, gen_random_uuid(), 1, 20 FROM generate_series(1, {rows});
INSERT INTO inbox (consumer, topic, event_id) SELECT 'earlier', 'bench.events', uuidv7() FROM generate_series(1, {rows});
INSERT INTO consumed_versions (consumer, topic, subject, version)
SELECT 'earlier', 'bench.events', gen_random_uuid(), 1 FROM generate_series(1, {rows});
"""
