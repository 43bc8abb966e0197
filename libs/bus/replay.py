"""Bringing a parked key back: its dead letter and all that waited behind it, in order, in one transaction."""

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.bus.batch import CLASHES, OutOfOrder, Place, apply_once, is_transient
from libs.bus.dead_letters import park
from libs.bus.envelope import Delivery
from libs.bus.handlers import Handlers
from libs.store import Database, Scope, Transaction

_LOCK = "SELECT next FROM consumer_offsets WHERE (consumer, topic, partition) = ($1, $2, $3) FOR UPDATE"
_LINE = """
SELECT * FROM dead_letters WHERE (consumer, topic, key) = ($1, $2, $3) AND status IN ('dead', 'waiting') ORDER BY record_offset
"""
_END = "UPDATE dead_letters SET status = $2 WHERE id = ANY($1)"
_KNOWN = "INSERT INTO inbox (consumer, topic, event_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_ERROR = "UPDATE dead_letters SET error = $2 WHERE id = $1"
_UNPARK = "DELETE FROM parked_keys WHERE (consumer, topic, key) = ($1, $2, $3)"


class NothingParked(LookupError):
    """No dead letter of this key waits here."""


async def replay(database: Database, handlers: Handlers, topic: str, key: UUID) -> int:
    """Handles what waits for this key, in order, and unparks it; how many events. A failure leaves all as it was.

    The partition's offset row is locked first: the consumer cannot pass the line while it is drained.
    """
    async with _transaction(database, handlers) as tx:
        line = await _locked_line(tx, handlers, topic, key)
        place = Place(handlers.consumer, topic, line[0]["partition"])
        await apply_once(tx, handlers, place, [_delivery(row) for row in line])
        await tx.connection.execute(_END, [row["id"] for row in line], "replayed")
        await tx.connection.execute(_UNPARK, handlers.consumer, topic, key)
        return len(line)


async def discard(database: Database, handlers: Handlers, topic: str, key: UUID) -> int:
    """Gives up the dead letter itself and handles what waited behind it, event by event; how many.

    Only what a handler has refused is given up: one that moved up to the head and was never tried, since a discard broke off, is tried.
    One of those that fails for good is the dead letter from then on, with the rest waiting behind it: a line of several
    poison events is got through by discarding again. Unparks the key once nothing waits.
    """
    async with _transaction(database, handlers) as tx:
        line = await _locked_line(tx, handlers, topic, key)
        if line[0]["error"] is not None:
            dead, *line = line
            await tx.connection.execute(_END, [dead["id"]], "discarded")
            # its copies are passed over too
            await tx.connection.execute(_KNOWN, handlers.consumer, topic, dead["event_id"])
            await _move_up(tx, handlers, topic, key, line)
    handled = 0
    while line:
        head = line[0]
        try:
            async with _transaction(database, handlers) as tx:
                head, *line = await _locked_line(tx, handlers, topic, key)
                await apply_once(tx, handlers, Place(handlers.consumer, topic, head["partition"]), [_delivery(head)])
                await tx.connection.execute(_END, [head["id"]], "replayed")
                await _move_up(tx, handlers, topic, key, line)
        except (NothingParked, OutOfOrder):
            raise
        except Exception as error:  # an operator tries once: two transactions that made the same row are no excuse here
            if is_transient(error, CLASHES):
                raise
            with suppress(NothingParked):  # somebody has replayed or discarded it meanwhile
                await _die(database, handlers, head, error)
            break
        handled += 1
    return handled


def _transaction(database: Database, handlers: Handlers) -> AbstractAsyncContextManager[Transaction]:
    return database.transaction(Scope("worker", actor=f"system:{handlers.consumer}"))


async def _move_up(tx: Transaction, handlers: Handlers, topic: str, key: UUID, line: Sequence[asyncpg.Record]) -> None:
    """The next of the line is at its head now; without one, the key flows again."""
    if line:
        await tx.connection.execute(_END, [line[0]["id"]], "dead")
    else:
        await tx.connection.execute(_UNPARK, handlers.consumer, topic, key)


async def _die(database: Database, handlers: Handlers, head: asyncpg.Record, error: Exception) -> None:
    async with _transaction(database, handlers) as tx:
        first, *_ = await _locked_line(tx, handlers, head["topic"], head["key"])
        if first["id"] != head["id"]:
            return
        await park(tx, handlers.consumer, _delivery(head), error)
        await tx.connection.execute(
            _ERROR, head["id"], f"{type(error).__name__}: {error}".replace("\0", "\ufffd")[:2000]
        )


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


def _delivery(row: asyncpg.Record) -> Delivery:
    envelope = json.loads(row["headers"])
    ids = {name: envelope[name] and UUID(envelope[name]) for name in ("account_id", "causation_id")}
    return Delivery(
        topic=row["topic"], partition=row["partition"], offset=row["record_offset"], key=row["key"], event_id=row["event_id"],
        type=row["type"], subject=UUID(envelope["subject"]), version=envelope["version"],
        time=datetime.fromisoformat(envelope["time"]), actor=envelope["actor"], traceparent=envelope["traceparent"],
        data=row["data"], **ids,
    )  # fmt: skip
