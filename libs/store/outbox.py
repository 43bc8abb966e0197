"""An event on its way out: the outbox row that `emit()` makes of it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from libs.events import Event
from libs.store.errors import EventTooLarge
from libs.store.ids import new_id

MAX_EVENT_BYTES = 200 * 1024


class OutboxRow(NamedTuple):
    """One record for Kafka, in the order of `runtime.columns.OUTBOX`.

    The text of `key` is the record's key; `data` None is a tombstone; `headers` are those beyond CloudEvents' own.
    """

    topic: str
    key: UUID
    event_id: UUID
    type: str
    subject: UUID
    account_id: UUID | None
    version: int
    causation_id: UUID | None
    actor: str
    traceparent: str | None
    time: datetime
    headers: str | None
    data: bytes | None


def row_for(
    event: Event,
    *,
    version: int,
    account_id: UUID | None,
    causation_id: UUID | None,
    actor: str,
    traceparent: str | None,
    time: datetime,
) -> OutboxRow:
    """The row of this fact. Raises EventTooLarge when its data is larger than 200 KiB."""
    data = event.__pydantic_serializer__.to_json(event)
    if len(data) > MAX_EVENT_BYTES:
        raise EventTooLarge(f"{event.contract.ce_type} is {len(data)} bytes; {MAX_EVENT_BYTES} is the limit.")
    contract = event.contract
    headers = None
    return OutboxRow(
        contract.topic,
        event.key,
        new_id(),
        contract.ce_type,
        event.subject,
        account_id,
        version,
        causation_id,
        actor,
        traceparent,
        time,
        headers,
        data,
    )
