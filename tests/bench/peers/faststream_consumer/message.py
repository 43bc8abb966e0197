"""One transaction for each message, on SQLAlchemy Core with its statements built once."""

import os
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert
from sqlalchemy.ext.asyncio import create_async_engine

from tests.bench.peers.faststream_consumer.facts import OUTBOX, TOPIC, Received, outbox_row

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "key": sa.Uuid(), "event_id": sa.Uuid(), "subject": sa.Uuid(), "account_id": sa.Uuid(), "causation_id": sa.Uuid(),
    "version": sa.BigInteger(), "time": TIMESTAMP(timezone=True), "data": sa.LargeBinary(),
}  # fmt: skip
_tables = sa.MetaData()
_inbox = sa.Table(
    "inbox", _tables, sa.Column("consumer", sa.Text), sa.Column("topic", sa.Text), sa.Column("event_id", sa.Uuid)
)
_outbox = sa.Table("outbox", _tables, *(sa.Column(name, _TYPES.get(name, sa.Text())) for name in OUTBOX))
_files = sa.Table(
    "device_files", _tables, sa.Column("id", sa.Uuid, primary_key=True), sa.Column("version", sa.BigInteger),
    sa.Column("revision", sa.BigInteger), sa.Column("account_id", sa.Uuid), sa.Column("readings", sa.BigInteger),
    sa.Column("temperature", sa.Double), sa.Column("taken_at", TIMESTAMP(timezone=True)),
)  # fmt: skip
_claim = insert(_inbox).on_conflict_do_nothing().returning(_inbox.c.event_id)
_new = insert(_files)
_follow = _new.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "version": _files.c.version + 1, "revision": _files.c.revision + 1, "readings": _files.c.readings + 1,
        "temperature": _new.excluded.temperature, "taken_at": _new.excluded.taken_at,
    },
).returning(_files.c.readings)  # fmt: skip
_emit = insert(_outbox)
_engine = create_async_engine(os.environ["DATABASE"].replace("postgresql:", "postgresql+asyncpg:", 1), pool_size=8)


async def follow(group: str, came: Received) -> None:
    """Claims, follows, emits; commits."""
    reading = came.reading
    async with _engine.begin() as connection:
        claimed = await connection.execute(_claim, {"consumer": group, "topic": TOPIC, "event_id": came.event_id})
        if claimed.first() is None:
            return
        file = {
            "id": reading.device_id, "version": 1, "revision": 0, "account_id": reading.account_id, "readings": 1,
            "temperature": reading.temperature, "taken_at": reading.taken_at,
        }  # fmt: skip
        number = (await connection.execute(_follow, file)).scalar_one()
        row = outbox_row(group, came, number, datetime.now(UTC))
        await connection.execute(_emit, dict(zip(OUTBOX, row, strict=True)))
