"""Bringing a parked key back: its dead letter and all that waited behind it, in order, in one transaction."""

import json
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.bus.batch import Place, apply_once
from libs.bus.envelope import Delivery
from libs.bus.handlers import Handlers
from libs.store import Database, Scope, Transaction

_LOCK = "SELECT next FROM consumer_offsets WHERE (consumer, topic, partition) = ($1, $2, $3) FOR UPDATE"
_LINE = """
SELECT * FROM dead_letters WHERE (consumer, topic, key) = ($1, $2, $3) AND status IN ('dead', 'waiting') ORDER BY record_offset
"""
_END = "UPDATE dead_letters SET status = $2 WHERE id = ANY($1)"
_UNPARK = "DELETE FROM parked_keys WHERE (consumer, topic, key) = ($1, $2, $3)"


class NothingParked(LookupError):
    """No dead letter of this key waits here."""


async def replay(database: Database, handlers: Handlers, topic: str, key: UUID) -> int:
    """Handles what waits for this key, in order, and unparks it; how many events. A failure leaves all as it was.

    The partition's offset row is locked first: the consumer cannot pass the line while it is drained.
    """
    async with database.transaction(Scope("worker", actor=f"system:{handlers.consumer}")) as tx:
        line = await _locked_line(tx, handlers, topic, key)
        await _drain(tx, handlers, topic, key, line)
        return len(line)


async def discard(database: Database, handlers: Handlers, topic: str, key: UUID) -> int:
    """Gives up the dead letter itself, handles what waited behind it, and unparks the key; how many were handled."""
    async with database.transaction(Scope("worker", actor=f"system:{handlers.consumer}")) as tx:
        dead, *line = await _locked_line(tx, handlers, topic, key)
        await tx.connection.execute(_END, [dead["id"]], "discarded")
        await _drain(tx, handlers, topic, key, line)
        return len(line)


async def _locked_line(tx: Transaction, handlers: Handlers, topic: str, key: UUID) -> list[asyncpg.Record]:
    partition = await tx.connection.fetchval(
        "SELECT partition FROM dead_letters WHERE (consumer, topic, key) = ($1, $2, $3) AND status = 'dead' LIMIT 1",
        handlers.consumer, topic, key,
    )  # fmt: skip
    if partition is None:
        raise NothingParked(f"{handlers.consumer} has no dead letter of {key} on {topic}")
    await tx.connection.execute(_LOCK, handlers.consumer, topic, partition)
    line = list(await tx.connection.fetch(_LINE, handlers.consumer, topic, key))
    if not line:
        raise NothingParked(f"{key} on {topic} was brought back meanwhile")
    return line


async def _drain(tx: Transaction, handlers: Handlers, topic: str, key: UUID, line: list[asyncpg.Record]) -> None:
    if line:
        place = Place(handlers.consumer, topic, line[0]["partition"])
        await apply_once(tx, handlers, place, [_delivery(row) for row in line])
        await tx.connection.execute(_END, [row["id"] for row in line], "replayed")
    await tx.connection.execute(_UNPARK, handlers.consumer, topic, key)


def _delivery(row: asyncpg.Record) -> Delivery:
    envelope = json.loads(row["headers"])
    ids = {name: envelope[name] and UUID(envelope[name]) for name in ("account_id", "causation_id")}
    return Delivery(
        topic=row["topic"], partition=row["partition"], offset=row["record_offset"], key=row["key"], event_id=row["event_id"],
        type=row["type"], subject=UUID(envelope["subject"]), version=envelope["version"],
        time=datetime.fromisoformat(envelope["time"]), actor=envelope["actor"], traceparent=envelope["traceparent"],
        data=row["data"], **ids,
    )  # fmt: skip
