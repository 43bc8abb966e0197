"""One partition's batch in one database transaction: fence, inbox, handlers, outbox, offset."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from libs.bus.dead_letters import park, parked_among, wait_in_line
from libs.bus.envelope import Delivery
from libs.bus.handlers import Handlers
from libs.store import Database, Scope, Transaction

_CLAIM = """
INSERT INTO inbox (consumer, event_id) SELECT $1, e FROM unnest($2::uuid[]) e ON CONFLICT DO NOTHING RETURNING event_id
"""
_FENCE = "UPDATE consumer_offsets SET next = $5 WHERE (consumer, topic, partition, next) = ($1, $2, $3, $4)"
_RAISE_VERSIONS = """
INSERT INTO consumed_versions AS v (consumer, topic, subject, version)
SELECT $1, $2, s, max(n) FROM unnest($3::uuid[], $4::bigint[]) AS u(s, n) GROUP BY s
ON CONFLICT (consumer, topic, subject) DO UPDATE SET version = greatest(v.version, excluded.version)
RETURNING subject, old.version AS passed
"""
TRANSIENT = (
    asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError, asyncpg.TooManyConnectionsError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError,
    asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.InsufficientResourcesError, OSError, TimeoutError,
)  # fmt: skip
"""Trouble that passes: try again, never dead-letter. A unique violation joins them: see `is_transient`."""


class Fenced(Exception):
    """The stored offset is not the expected one: another member works this partition, or it was moved."""


class OutOfOrder(Exception):
    """An event the inbox does not know has a version already passed: the log is not what it was. The consumer stops."""


def is_transient(error: Exception, attempt: int) -> bool:
    """Whether to try again. Two transactions that made the same row settle on the second try, so that counts for a few tries."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return attempt < 5
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
    async with database.transaction(Scope("worker", actor=f"system:{place.consumer}")) as tx:
        heard = [d for d in deliveries if handlers.hears(d)]
        parked = await _fence(tx, place, expected, next, heard)
        waiting = [d for d in heard if d.key in parked]
        await wait_in_line(tx, place.consumer, waiting)
        await apply_once(tx, handlers, place, [d for d in heard if d.key not in parked])


async def _fence(
    tx: Transaction, place: Place, expected: int, next: int, heard: Sequence[Delivery]
) -> frozenset[object]:
    status = await tx.connection.execute(_FENCE, place.consumer, place.topic, place.partition, expected, next)
    if status != "UPDATE 1":
        raise Fenced(f"{place}: {expected} is not the stored offset")
    if not heard:
        return frozenset()
    return await parked_among(tx, place.consumer, place.topic, {d.key for d in heard})


async def apply_once(tx: Transaction, handlers: Handlers, place: Place, heard: Sequence[Delivery]) -> None:
    """Claims each event in the inbox and runs the handlers for those never seen, in their order."""
    if not heard:
        return
    claimed = {r["event_id"] for r in await tx.connection.fetch(_CLAIM, place.consumer, [d.event_id for d in heard])}
    fresh = []
    for delivery in heard:
        if delivery.event_id in claimed:
            claimed.discard(delivery.event_id)  # a batch can hold the same event twice
            fresh.append(delivery)
    if not fresh:
        return
    passed = await tx.connection.fetch(
        _RAISE_VERSIONS, place.consumer, place.topic, [d.subject for d in fresh], [d.version for d in fresh]
    )
    last = {r["subject"]: r["passed"] for r in passed if r["passed"] is not None}
    for delivery in fresh:
        if delivery.version <= last.get(delivery.subject, -1):
            raise OutOfOrder(
                f"{place}: {delivery.type} {delivery.event_id} at offset {delivery.offset} has version {delivery.version} "
                f"of {delivery.subject}, of which {last[delivery.subject]} was consumed before, and the inbox does not know it"
            )
    await handlers.apply(fresh, tx)


async def bury(database: Database, place: Place, expected: int, poison: Delivery, error: Exception) -> None:
    """Moves past a poison event: dead letter, parked key, DLQ record and offset in one transaction."""
    async with database.transaction(Scope("worker", actor=f"system:{place.consumer}")) as tx:
        await _fence(tx, place, expected, poison.offset + 1, [])
        await park(tx, place.consumer, poison, error)
