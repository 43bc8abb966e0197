"""CloudEvents 1.0.2 in Kafka's binary mode: an outbox row as a record, a record as a Delivery."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog

from libs.events import Event, decode
from libs.store.ids import parse_id

log = structlog.get_logger()
Headers = Sequence[tuple[str, bytes]]


@dataclass(slots=True)  # not frozen: that doubles what making one costs
class Delivery:
    """One record as a consumer got it, a `Cause`. `type` is empty for a record that is no CloudEvent."""

    topic: str
    partition: int
    offset: int
    key: UUID
    event_id: UUID
    type: str
    subject: UUID
    version: int
    time: datetime
    actor: str
    account_id: UUID | None
    causation_id: UUID | None
    traceparent: str | None
    data: bytes | None

    def event(self) -> Event:
        """The fact in its newest version. Raises UnknownEvent or pydantic's ValidationError."""
        return decode(self.type, self.data or b"")


def record_headers(row: Any) -> list[tuple[str, bytes]]:
    """The headers of an outbox row (an asyncpg record): no more than the contract names, since each costs every consumer."""
    service = row["type"].split(".", 2)[1]
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(row["event_id"]).encode()),
        ("ce_source", f"/polyplus/{service}".encode()),
        ("ce_type", row["type"].encode()),
        ("ce_subject", str(row["subject"]).encode()),
        ("ce_time", row["time"].astimezone(UTC).isoformat().encode()),
        ("ce_aggregateversion", str(row["version"]).encode()),
        ("ce_actor", row["actor"].encode()),
        ("content-type", b"application/json"),
    ]
    if row["account_id"]:
        headers.append(("ce_accountid", str(row["account_id"]).encode()))
    if row["causation_id"]:
        headers.append(("ce_causationid", str(row["causation_id"]).encode()))
    if row["traceparent"]:
        headers.append(("ce_traceparent", row["traceparent"].encode()))
    if row["headers"]:
        headers.extend((name, str(value).encode()) for name, value in json.loads(row["headers"]).items())
    return headers


def delivery(
    topic: str, partition: int, offset: int, key: bytes | None, headers: Headers, data: bytes | None
) -> Delivery:
    """What a record says. One that is no CloudEvent of ours gets an empty type, and ids made from its place."""
    h = dict(headers)
    try:
        subject = h["ce_subject"]
        account, cause, trace = h.get("ce_accountid"), h.get("ce_causationid"), h.get("ce_traceparent")
        subject_id = parse_id(subject.decode())
        return Delivery(
            topic,
            partition,
            offset,
            subject_id if key == subject else parse_id((key or b"").decode()),
            parse_id(h["ce_id"].decode()),
            h["ce_type"].decode(),
            subject_id,
            int(h["ce_aggregateversion"]),
            datetime.fromisoformat(h["ce_time"].decode()),
            h["ce_actor"].decode(),
            parse_id(account.decode()) if account is not None else None,
            parse_id(cause.decode()) if cause is not None else None,
            trace.decode() if trace is not None else None,
            data,
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        log.error("not a CloudEvent of ours; it is passed over", topic=topic, partition=partition, offset=offset)
        place = uuid5(NAMESPACE_OID, f"{topic}/{partition}/{offset}")
        epoch = datetime.fromtimestamp(0, UTC)
        return Delivery(topic, partition, offset, place, place, "", place, 0, epoch, "", None, None, None, data)
