"""Dead letters: a poison event parks its key, later events of the key wait in line behind it, and a replay keeps the order."""

import json
from collections.abc import Sequence

import structlog

from libs.bus.envelope import Delivery
from libs.bus.handlers import working_on
from libs.store import Transaction
from libs.store.flush import Statement
from libs.store.outbox import OutboxRow
from libs.store.reasons import reason
from libs.store.runtime import columns

log = structlog.get_logger()
_DIES = (
    " ON CONFLICT (consumer, topic, partition, record_offset) DO UPDATE"
    " SET error = excluded.error, out_of_order = excluded.out_of_order, status = 'dead'"
)
"""One that waited behind another may turn out to be the next."""


def _row(
    consumer: str, d: Delivery, error: str | None, status: str, *, out_of_order: bool = False
) -> tuple[object, ...]:
    envelope = {
        "subject": str(d.subject),
        "version": d.version,
        "time": d.time.isoformat(),
        "actor": d.actor,
        "account_id": d.account_id and str(d.account_id),
        "causation_id": d.causation_id and str(d.causation_id),
        "traceparent": d.traceparent,
    }
    return (
        consumer,
        d.topic,
        d.partition,
        d.offset,
        d.key,
        d.event_id,
        d.type,
        json.dumps(envelope),
        d.data,
        error,
        status,
        out_of_order,
    )


async def wait_in_line(tx: Transaction, consumer: str, deliveries: Sequence[Delivery]) -> None:
    """Keeps events of parked keys behind their dead letter."""
    if deliveries:
        rows = [_row(consumer, d, None, "waiting") for d in deliveries]
        tx.write_with(Statement.insert("dead_letters", columns.DEAD_LETTERS, rows, " ON CONFLICT DO NOTHING"))


async def park(
    tx: Transaction, consumer: str, poison: Delivery, error: Exception, *, out_of_order: bool = False
) -> None:
    """Records the poison event, parks its key, and publishes it on `<consumer>.dlq` through the outbox."""
    why = reason(error)
    with working_on(poison):
        log.error("dead letter", topic=poison.topic, offset=poison.offset, key=str(poison.key), exc_info=error)
    rows = [_row(consumer, poison, why, "dead", out_of_order=out_of_order)]
    tx.write_with(Statement.insert("dead_letters", columns.DEAD_LETTERS, rows, _DIES))
    await tx.connection.execute(
        "INSERT INTO parked_keys (consumer, topic, key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        consumer,
        poison.topic,
        poison.key,
    )
    origin = {
        "dlq_topic": poison.topic,
        "dlq_partition": poison.partition,
        "dlq_offset": poison.offset,
        "dlq_error": why[:200],
    }
    tx.publish(
        OutboxRow(
            topic=f"{consumer}.dlq",
            key=poison.key,
            event_id=poison.event_id,
            type=poison.type,
            subject=poison.subject,
            account_id=poison.account_id,
            version=poison.version,
            causation_id=poison.causation_id,
            actor=poison.actor,
            traceparent=poison.traceparent,
            time=poison.time,
            headers=json.dumps(origin),
            data=poison.data,
        )
    )
