"""Bringing a parked key back: its dead letter and all that waited behind it, in order, in one transaction."""

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.bus.batch import CLASHES, OutOfOrder, Partition, apply_once, is_transient, make_known
from libs.bus.dead_letters import park
from libs.bus.envelope import Delivery
from libs.bus.gaps import Applied
from libs.bus.handlers import Handlers
from libs.store import Database, Scope, Transaction

# Of every partition: nothing joins a line while it is drained, and one that the log holds in two partitions has one order, arrival.
_LOCK = "SELECT FROM consumer_offsets WHERE (consumer, topic) = ($1, $2) ORDER BY partition FOR UPDATE"
_LINE = "SELECT * FROM dead_letters WHERE (consumer, topic, key) = ($1, $2, $3) AND status IN ('dead', 'waiting') ORDER BY id"
_END = "UPDATE dead_letters SET status = $2 WHERE id = ANY($1)"
_UNPARK = "DELETE FROM parked_keys WHERE (consumer, topic, key) = ($1, $2, $3)"


class NothingParked(LookupError):
    """No dead letter of this key waits here."""


class NotOutOfOrder(Exception):
    """The dead letter was refused by a handler, not for its version: it is for a replay or a discard."""


@dataclass(frozen=True)
class Drained:
    """What an operator's word did: the event that it was about, None when that one had been settled before, and how many were handled."""

    settled: UUID | None
    handled: int


async def replay(database: Database, handlers: Handlers, topic: str, key: UUID) -> int:
    """Handles what waits for this key, in the order of arrival, and unparks it; how many events. A failure leaves all as it was.

    The topic's offset rows are locked first: the consumer cannot pass the line while it is drained.
    """
    async with _transaction(database, handlers) as tx:
        line = await _locked_line(tx, handlers, topic, key)
        applied = await apply_once(tx, handlers, _partition(handlers, line[0]), [_delivery(row) for row in line])
        await tx.connection.execute(_END, [row["id"] for row in line], "replayed")
        await tx.connection.execute(_UNPARK, handlers.consumer, topic, key)
    applied.tell()
    return len(line)


async def discard(database: Database, handlers: Handlers, topic: str, key: UUID) -> Drained:
    """Gives up the dead letter itself and handles what waited behind it, event by event.

    Only what a handler has refused is given up: one that moved up to the head and was never tried, since a discard broke off, is tried.
    One of those that fails for good is the dead letter from then on, with the rest waiting behind it: a line of several
    poison events is got through by discarding again. Unparks the key once nothing waits.
    """
    given_up = None
    async with _transaction(database, handlers) as tx:
        dead, *line = await _locked_line(tx, handlers, topic, key)
        if dead["error"] is not None:
            given_up = dead["event_id"]
            await tx.connection.execute(_END, [dead["id"]], "discarded")
            await make_known(tx, _partition(handlers, dead), _delivery(dead))  # its copies are passed over too
            await _move_up(tx, handlers, topic, key, line)
        else:
            line = [dead, *line]
    return Drained(given_up, await _drain(database, handlers, topic, key, line))


async def accept(database: Database, handlers: Handlers, topic: str, key: UUID) -> Drained:
    """Handles the dead letter as it is though its version had been passed, then what waited behind it as `discard` does.

    Raises NotOutOfOrder for one that a handler has refused, and what a handler raises for this one: then all is as it was.
    """
    async with _transaction(database, handlers) as tx:
        dead, *line = await _locked_line(tx, handlers, topic, key)
        if dead["error"] is None:  # it moved up when an accept broke off
            accepted, applied, line = None, Applied(), [dead, *line]
        elif not dead["out_of_order"]:
            raise NotOutOfOrder(f"{handlers.consumer} did not refuse {dead['event_id']} for its version")
        else:
            accepted = dead["event_id"]
            applied = await apply_once(tx, handlers, _partition(handlers, dead), [_delivery(dead)], as_it_is=True)
            await tx.connection.execute(_END, [dead["id"]], "replayed")
            await _move_up(tx, handlers, topic, key, line)
    applied.tell()
    handled = await _drain(database, handlers, topic, key, line)
    return Drained(accepted, handled + (accepted is not None))


async def _drain(database: Database, handlers: Handlers, topic: str, key: UUID, line: Sequence[asyncpg.Record]) -> int:
    """Handles the line one by one, each in a transaction of its own, up to the first that is refused; how many."""
    handled = 0
    while line:
        head = line[0]
        try:
            async with _transaction(database, handlers) as tx:
                head, *line = await _locked_line(tx, handlers, topic, key)
                applied = await apply_once(tx, handlers, _partition(handlers, head), [_delivery(head)])
                await tx.connection.execute(_END, [head["id"]], "replayed")
                await _move_up(tx, handlers, topic, key, line)
            applied.tell()
        except NothingParked:
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
    return database.transaction(Scope.system(handlers.consumer))


async def _move_up(tx: Transaction, handlers: Handlers, topic: str, key: UUID, line: Sequence[asyncpg.Record]) -> None:
    """The next of the line is at its head now; without one, the key flows again."""
    if line:
        await tx.connection.execute(_END, [line[0]["id"]], "dead")
    else:
        await tx.connection.execute(_UNPARK, handlers.consumer, topic, key)


async def _die(database: Database, handlers: Handlers, head: asyncpg.Record, error: Exception) -> None:
    async with _transaction(database, handlers) as tx:
        first, *_ = await _locked_line(tx, handlers, head["topic"], head["key"])
        if first["id"] == head["id"]:
            late = isinstance(error, OutOfOrder)
            await park(tx, handlers.consumer, _delivery(head), error, out_of_order=late)


async def _locked_line(tx: Transaction, handlers: Handlers, topic: str, key: UUID) -> list[asyncpg.Record]:
    await tx.connection.execute(_LOCK, handlers.consumer, topic)
    line = list(await tx.connection.fetch(_LINE, handlers.consumer, topic, key))
    if not line:
        raise NothingParked(f"{handlers.consumer} has no dead letter of {key} on {topic}")
    return line


def _partition(handlers: Handlers, row: asyncpg.Record) -> Partition:
    return Partition(handlers.consumer, row["topic"], row["partition"])


def _delivery(row: asyncpg.Record) -> Delivery:
    envelope = json.loads(row["headers"])
    ids = {name: envelope[name] and UUID(envelope[name]) for name in ("account_id", "causation_id")}
    return Delivery(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        key=row["key"],
        event_id=row["event_id"],
        type=row["type"],
        subject=UUID(envelope["subject"]),
        version=envelope["version"],
        time=datetime.fromisoformat(envelope["time"]),
        actor=envelope["actor"],
        traceparent=envelope["traceparent"],
        data=row["data"],
        **ids,
    )
