"""One partition's batch in one database transaction: fence, inbox, handlers, outbox, offset."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from libs.bus.dead_letters import park, wait_in_line
from libs.bus.envelope import Delivery
from libs.bus.handlers import Handlers
from libs.bus.spans import batch_span
from libs.store import Database, Scope, Transaction

_START = "SELECT * FROM start_batch($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_CLAIM = "SELECT * FROM claim_events($1, $2, $3, $4, $5)"
TRANSIENT = (
    asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError, asyncpg.TooManyConnectionsError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError,
    asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.InsufficientResourcesError, OSError, TimeoutError,
    asyncpg.InternalClientError,  # a session used between the server's last word and the end of its connection
)  # fmt: skip
"""Trouble that passes: try again, never dead-letter. A unique violation joins them: see `is_transient`."""


CLASHES = 5
"""So often in a row a unique violation may be two transactions that made the same row; after that it is the event's own."""


class Fenced(Exception):
    """The stored offset is not the expected one: another member works this partition, or it was moved."""


class OutOfOrder(Exception):
    """An event the inbox does not know has a version already passed: the log is not what it was. The consumer stops."""


def is_transient(error: Exception, clashes: int) -> bool:
    """Whether to try again. Two transactions that made the same row settle on the second try: `clashes` were before this one."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return clashes < CLASHES
    # asyncpg's own "this value does not fit" is an InterfaceError and a ValueError: it will never fit
    return isinstance(error, TRANSIENT) and not isinstance(error, ValueError)


@dataclass(frozen=True)
class Place:
    """A partition as one consumer reads it."""

    consumer: str
    topic: str
    partition: int


async def work(
    database: Database, handlers: Handlers, place: Place, expected: int, deliveries: Sequence[Delivery], *, next: int
) -> None:
    """Applies the batch and moves the offset from `expected` to `next`, all or nothing.

    Each event is consumed once, however often it comes; one whose key is parked joins the line behind the dead letter.
    Raises Fenced, OutOfOrder, or what a handler raised.
    """
    heard = [d for d in deliveries if handlers.hears(d)]
    async with (
        batch_span(place.consumer, place.topic, place.partition, deliveries),
        _transaction(database, place, expected, next, heard) as tx,
    ):
        if tx.started["parked"]:
            parked = set(tx.started["parked"])
            await wait_in_line(tx, place.consumer, [d for d in heard if d.key in parked])
            await apply_once(tx, handlers, place, [d for d in heard if d.key not in parked])
        else:
            await _apply_fresh(tx, handlers, place, heard, tx.started)


@asynccontextmanager
async def _transaction(
    database: Database, place: Place, expected: int, next: int, heard: Sequence[Delivery]
) -> AsyncIterator[Transaction]:
    """One that begins with the fence, and with the claim of what is heard unless a key of it is parked. Raises Fenced."""
    scope, keys = Scope("worker", actor=f"system:{place.consumer}"), list({d.key for d in heard})
    at = (place.consumer, place.topic, place.partition)
    async with database.transaction(scope, start=(_START, *at, expected, next, keys, *_told(heard))) as tx:
        if tx.started["fenced"]:
            raise Fenced(f"{place}: {expected} is not the stored offset")
        yield tx


def _told(heard: Sequence[Delivery]) -> tuple[list[UUID], list[UUID], list[int]]:
    return [d.event_id for d in heard], [d.subject for d in heard], [d.version for d in heard]


async def apply_once(tx: Transaction, handlers: Handlers, place: Place, heard: Sequence[Delivery]) -> None:
    """Claims each event in the inbox and runs the handlers for those never seen, in their order."""
    if heard:
        claim = await tx.connection.fetchrow(_CLAIM, place.consumer, place.topic, *_told(heard))
        assert claim is not None
        await _apply_fresh(tx, handlers, place, heard, claim)


async def _apply_fresh(
    tx: Transaction,
    handlers: Handlers,
    place: Place,
    heard: Sequence[Delivery],
    claim: Mapping[str, Any] | asyncpg.Record,
) -> None:
    fresh = heard
    if claim["known"] is not None:
        seen, fresh = set(claim["known"]), []
        for delivery in heard:
            if delivery.event_id not in seen:
                seen.add(delivery.event_id)  # a batch can hold the same event twice
                fresh.append(delivery)
    passed = dict(zip(claim["subjects"] or (), claim["passed"] or (), strict=True))
    for delivery in fresh if passed else ():
        if delivery.version <= passed.get(delivery.subject, -1):
            raise OutOfOrder(
                f"{place}: {delivery.type} {delivery.event_id} at offset {delivery.offset} has version {delivery.version} "
                f"of {delivery.subject}, of which {passed[delivery.subject]} was consumed before, and the inbox does not know it"
            )
    if fresh:
        await handlers.apply(fresh, tx)


async def bury(database: Database, place: Place, expected: int, poison: Delivery, error: Exception) -> None:
    """Moves past a poison event: dead letter, parked key, DLQ record and offset in one transaction."""
    async with _transaction(database, place, expected, poison.offset + 1, []) as tx:
        await park(tx, place.consumer, poison, error)
