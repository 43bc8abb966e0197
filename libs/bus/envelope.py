"""CloudEvents 1.0.2 in Kafka's binary mode: an outbox row as a record, a record as a Delivery."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog

from libs.events import Event, decode, kind_of
from libs.store.ids import new_id, parse_id

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

    @property
    def kind(self) -> str:
        """What kind of aggregate it is about: with `subject`, which one."""
        return kind_of(self.type)

    def event(self) -> Event:
        """The fact in its newest version. Raises UnknownEvent or pydantic's ValidationError."""
        return decode(self.type, self.data or b"")


@lru_cache(maxsize=4096)  # what many records have in common is encoded once
def _header(name: str, value: str) -> tuple[str, bytes]:
    return name, value.encode()


@lru_cache
def _type(type: str) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return ("ce_source", f"/polyplus/{type.split('.', 2)[1]}".encode()), ("ce_type", type.encode())


_SPECVERSION, _CONTENT_TYPE = ("ce_specversion", b"1.0"), ("content-type", b"application/json")


def record_headers(
    event_id: str,
    type: str,
    subject: str,
    account_id: str | None,
    version: str,
    causation_id: str | None,
    actor: str,
    traceparent: str | None,
    time: str,
    more: str | None,
) -> list[tuple[str, bytes]]:
    """The headers of an outbox row: no more than the contract names, since each costs every consumer. `more` is a JSON object."""
    source, ce_type = _type(type)
    headers = [
        _SPECVERSION,
        ("ce_id", event_id.encode()),
        source,
        ce_type,
        ("ce_subject", subject.encode()),
        ("ce_time", time.encode()),
        ("ce_aggregateversion", version.encode()),
        _header("ce_actor", actor),
        _CONTENT_TYPE,
    ]
    if account_id:
        headers.append(_header("ce_accountid", account_id))
    if causation_id:
        headers.append(("ce_causationid", causation_id.encode()))
    if traceparent:
        headers.append(("ce_traceparent", traceparent.encode()))
    if more:
        headers.extend((name, str(value).encode()) for name, value in json.loads(more).items())
    return headers


BEAT = uuid5(NAMESPACE_OID, "beat")
"""The key of what is only there so that a topic goes on: it says nothing of anybody."""


def beat_record(topic: str) -> dict[str, Any]:
    """A beat of a state topic: key, headers and value; a CloudEvent like the others."""
    now = datetime.now(UTC).isoformat()
    owner = topic.partition(".")[0]
    headers = record_headers(
        str(new_id()), f"polyplus.{owner}.beat", str(BEAT), None, "0", None, "system:relay", None, now, None
    )
    return {"key": str(BEAT).encode(), "headers": headers, "value": b"{}"}


def delivery(
    topic: str, partition: int, offset: int, key: bytes | None, headers: Headers, data: bytes | None
) -> Delivery:
    """What a record says. One that is no CloudEvent of ours gets an empty type, and ids made from where it stands."""
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
        made_up = uuid5(NAMESPACE_OID, f"{topic}/{partition}/{offset}")
        epoch = datetime.fromtimestamp(0, UTC)
        return Delivery(topic, partition, offset, made_up, made_up, "", made_up, 0, epoch, "", None, None, None, data)


def first_of_each(deliveries: Iterable[Delivery], known: Iterable[UUID]) -> list[Delivery]:
    """Those of which no copy is known or came before: a batch can hold the same event twice."""
    seen, found = set(known), []
    for delivery in deliveries:
        if delivery.event_id not in seen:
            seen.add(delivery.event_id)
            found.append(delivery)
    return found
