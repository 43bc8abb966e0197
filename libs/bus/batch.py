"""One partition's batch in one database transaction: fence, inbox, handlers, outbox, offset."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from libs.bus.dead_letters import park, wait_in_line
from libs.bus.envelope import Delivery, first_of_each
from libs.bus.gaps import Applied, certain
from libs.bus.handlers import Handlers
from libs.bus.redaction import take_out_of_line
from libs.bus.spans import batch_span
from libs.store import Database, Scope, Transaction
from libs.store.errors import passes

_START = "SELECT * FROM start_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_CLAIM = "SELECT * FROM claim_events($1, $2, $3, $4, $5, $6)"
CLASHES = 5
"""So often in a row a unique violation may be two transactions that made the same row; after that it is the event's own."""


@dataclass(frozen=True)
class Partition:
    """A partition as one consumer reads it."""

    consumer: str
    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Fenced(Exception):
    """The stored offset is not the expected one: another member works this partition, or it was moved."""


class OutOfOrder(Exception):
    """An event the inbox does not know has a version that its aggregate has passed. It parks its key; an operator looks at it."""


def is_transient(error: Exception, clashes: int) -> bool:
    """Whether to try again. Two transactions that made the same row settle on the second try: `clashes` were before this one."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return clashes < CLASHES
    return passes(error)


async def work(
    database: Database,
    handlers: Handlers,
    partition: Partition,
    expected: int,
    deliveries: Sequence[Delivery],
    *,
    next: int,
) -> int:
    """Applies the batch and moves the offset from `expected` to `next`, all or nothing; how many events were applied.

    Each event is consumed once, however often it comes; one whose key is parked joins the line behind the dead letter.
    Raises Fenced, OutOfOrder, or what a handler raised.
    """
    heard = [d for d in deliveries if handlers.hears(d)]
    async with (
        batch_span(partition.consumer, partition.topic, partition.number, deliveries),
        _transaction(database, partition, expected, next, heard) as tx,
    ):
        if tx.started["parked"]:
            parked = set(tx.started["parked"])
            waiting = [d for d in heard if d.key in parked]
            await wait_in_line(tx, partition.consumer, waiting)
            await take_out_of_line(waiting, tx)
            applied = await apply_once(tx, handlers, partition, [d for d in heard if d.key not in parked])
        else:
            applied = await _apply_fresh(tx, handlers, partition, heard, tx.started)
    applied.tell()
    return applied.events


@asynccontextmanager
async def _transaction(
    database: Database, partition: Partition, expected: int, next: int, heard: Sequence[Delivery]
) -> AsyncIterator[Transaction]:
    """One that begins with the fence, and with the claim of what is heard unless a key of it is parked. Raises Fenced."""
    scope, keys = Scope.system(partition.consumer), list({d.key for d in heard})
    at = (partition.consumer, partition.topic, partition.number)
    async with database.transaction(scope, start=(_START, *at, expected, next, keys, *_told(heard))) as tx:
        if tx.started["fenced"]:
            raise Fenced(f"{partition}: {expected} is not the stored offset")
        yield tx


def _told(heard: Sequence[Delivery]) -> tuple[list[UUID], list[UUID], list[int], list[str]]:
    return (
        [d.event_id for d in heard],
        [d.subject for d in heard],
        [d.version for d in heard],
        [d.kind for d in heard],
    )


async def make_known(tx: Transaction, partition: Partition, delivery: Delivery) -> None:
    """The inbox knows it, and its aggregate is at its version, without its being handled."""
    await tx.connection.fetchrow(_CLAIM, partition.consumer, partition.topic, *_told([delivery]))


async def apply_once(
    tx: Transaction, handlers: Handlers, partition: Partition, heard: Sequence[Delivery], *, as_it_is: bool = False
) -> Applied:
    """Claims each event in the inbox and runs the handlers for those never seen, in their order.

    Raises OutOfOrder; `as_it_is`: whatever version has been passed.
    """
    if not heard:
        return Applied()
    claim = await tx.connection.fetchrow(_CLAIM, partition.consumer, partition.topic, *_told(heard))
    assert claim is not None
    return await _apply_fresh(tx, handlers, partition, heard, claim, as_it_is=as_it_is)


async def _apply_fresh(
    tx: Transaction,
    handlers: Handlers,
    partition: Partition,
    heard: Sequence[Delivery],
    claim: Mapping[str, Any] | asyncpg.Record,
    *,
    as_it_is: bool = False,
) -> Applied:
    fresh = heard
    if claim["known"] is not None:
        fresh = first_of_each(heard, claim["known"])
    aggregates = zip(claim["kinds"] or (), claim["subjects"] or (), strict=True)
    passed = dict(zip(aggregates, claim["passed"] or (), strict=True))
    gaps = []
    for delivery in fresh:
        aggregate = (delivery.kind, delivery.subject)
        before = passed.get(aggregate, 0)
        if delivery.version <= before:
            if not as_it_is:
                raise OutOfOrder(
                    f"version {delivery.version} of {delivery.kind} {delivery.subject}, of which {before} was consumed "
                    f"before, and the inbox does not know it: {delivery.type} at {partition} offset {delivery.offset}"
                )
            continue
        if delivery.version > before + 1:
            gaps.append((delivery, before))
        passed[aggregate] = delivery.version
    if fresh:
        await handlers.apply(fresh, tx)
    return Applied(
        len(fresh), await certain(tx, partition.consumer, gaps) if gaps and handlers.hears_everything else ()
    )


async def bury(database: Database, partition: Partition, expected: int, poison: Delivery, error: Exception) -> None:
    """Moves past a poison event: dead letter, parked key, DLQ record and offset in one transaction."""
    async with _transaction(database, partition, expected, poison.offset + 1, []) as tx:
        await park(tx, partition.consumer, poison, error, out_of_order=isinstance(error, OutOfOrder))
