"""An event on its way out: the outbox row that `emit()` makes of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from libs.events import Event
from libs.store.errors import EmitRefused

MAX_EVENT_BYTES = 200 * 1024

COLUMNS: tuple[tuple[str, str], ...] = (
    ("topic", "text"),
    ("key", "uuid"),
    ("event_id", "uuid"),
    ("type", "text"),
    ("subject", "uuid"),
    ("account_id", "uuid"),
    ("version", "bigint"),
    ("causation_id", "uuid"),
    ("actor", "text"),
    ("traceparent", "text"),
    ("time", "timestamptz"),
    ("headers", "jsonb"),
    ("data", "bytea"),
)
"""What a transaction writes; `id` and `xid` are the database's."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One record for Kafka. `key` text is the record key; `data` None is a tombstone; `headers` are beyond CloudEvents' own."""

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

    def values(self) -> tuple[object, ...]:
        return (
            self.topic, self.key, self.event_id, self.type, self.subject, self.account_id, self.version,
            self.causation_id, self.actor, self.traceparent, self.time, self.headers, self.data,
        )  # fmt: skip


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
    """The row of this fact. Raises EmitRefused when its data is larger than 200 KiB."""
    data = event.__pydantic_serializer__.to_json(event)
    if len(data) > MAX_EVENT_BYTES:
        raise EmitRefused(f"{event.contract.ce_type} is {len(data)} bytes; {MAX_EVENT_BYTES} is the limit.")
    contract = event.contract
    return OutboxRow(
        topic=contract.topic,
        key=event.key,
        event_id=uuid7(),
        type=contract.ce_type,
        subject=event.subject,
        account_id=account_id,
        version=version,
        causation_id=causation_id,
        actor=actor,
        traceparent=traceparent,
        time=time,
        headers=None,
        data=data,
    )
