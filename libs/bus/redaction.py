"""A text that is taken out of a case is taken out of the runtime's own copies of events too: dead letters, and the outbox."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pydantic_core

from libs.bus.envelope import Delivery
from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.events.redaction import TAKES_OUT, Redaction
from libs.store import Transaction

Told = dict[UUID, tuple[str, dict[str, Any]]]
_NAMES = frozenset(event.contract.name for event in TAKES_OUT)
# Few are taken out, and neither table has an index that every event would pay for.
_KEPT = """
SELECT id, event_id, type, data, {cause} AS causation_id FROM {table}
 WHERE (key = $1 OR event_id = $2) AND data IS NOT NULL FOR UPDATE
"""
_TABLES = {"dead_letters": "(headers ->> 'causation_id')::uuid", "outbox": "causation_id"}
_REPLACE = "UPDATE {table} SET data = $2 WHERE id = $1"


def redaction_of(delivery: Delivery) -> tuple[UUID, Redaction] | None:
    """The case and the text, when this is the fact that a text was taken out."""
    if delivery.type.rpartition(".v")[0] not in _NAMES:
        return None
    event = delivery.event()
    assert isinstance(event, TAKES_OUT)
    return event.case_id, Redaction.of(event)


async def take_out(event: TextRedacted | InternalTextRedacted, tx: Transaction) -> None:
    """What a service does that hears of cases and keeps none of their words."""
    await take_out_of_copies(event.case_id, Redaction.of(event), tx)


async def take_out_of_copies(case_id: UUID, redaction: Redaction, tx: Transaction) -> Told:
    """The events in this service's outbox that told it: type and data, as they were, by their ids."""
    # What waits in line since this very batch, and what this transaction emits, is among it.
    await tx.flush()
    told: Told = {}
    for table, cause in _TABLES.items():
        for row in await tx.connection.fetch(_KEPT.format(table=table, cause=cause), case_id, redaction.source_id):
            try:
                data = pydantic_core.from_json(row["data"])
            except ValueError:
                continue
            if left := redaction.out_of(row["type"], row["event_id"], data, row["causation_id"]):
                await tx.connection.execute(_REPLACE.format(table=table), row["id"], pydantic_core.to_json(left))
                if table == "outbox":
                    told[row["event_id"]] = row["type"], data
    return told


async def take_out_of_line(waiting: Iterable[Delivery], tx: Transaction) -> None:
    """A redaction that waits behind a dead letter is obeyed in the line at once: nobody knows for how long it waits there."""
    for delivery in waiting:
        if found := redaction_of(delivery):
            await take_out_of_copies(*found, tx)
