"""Every record is a CloudEvent 1.0.2: the outbox row of each sample, as the relay sends it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft7Validator

from libs.bus.envelope import delivery
from libs.events import decode
from libs.events.asyncapi import asyncapi
from libs.events.catalogue import published
from libs.store.outbox import row_for
from tests.support.headers import headers_of

SAMPLES = Path(__file__).parent / "samples"
ACCOUNT = UUID("019cb1e1-7a20-7000-8000-00000000000a")
CAUSE = UUID("019cb1e1-7a20-7000-8000-00000000000b")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOW = datetime(2026, 3, 3, 2, 15, tzinfo=UTC)
RFC_3339 = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
TEXT = {"type": "string", "minLength": 1}

# CloudEvents 1.0.2, JSON format: the four required attributes, the optional ones, and extensions named in lower-case
# letters and digits. Kafka's binding puts each attribute in a header `ce_<name>` and datacontenttype in `content-type`.
CLOUD_EVENT = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": TEXT,
        "source": {**TEXT, "pattern": r"^[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+$"},
        "specversion": {"const": "1.0"},
        "type": TEXT,
        "datacontenttype": {**TEXT, "pattern": r"^[\w.+-]+/[\w.+-]+"},
        "subject": TEXT,
        "time": {**TEXT, "pattern": RFC_3339},
        "data": {"type": "object"},
    },
    "propertyNames": {"pattern": "^[a-z0-9]{1,20}$"},
}


def record(ce_type: str, *, whole: bool = True) -> tuple[dict[str, str], bytes]:
    """Headers and value of the record that carries this sample."""
    row = row_for(
        decode(ce_type, (SAMPLES / f"{ce_type}.json").read_bytes()),
        version=7,
        account_id=ACCOUNT if whole else None,
        causation_id=CAUSE if whole else None,
        actor="engineer:binh.tran",
        traceparent=TRACE if whole else None,
        time=NOW,
    )
    return {name: value.decode() for name, value in headers_of(row._asdict())}, row.data or b""


def cloud_event(headers: dict[str, str], data: bytes) -> dict[str, Any]:
    attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
    return {**attributes, "datacontenttype": headers["content-type"], "data": json.loads(data)}


@pytest.mark.parametrize("ce_type", published())
def test_a_record_is_a_cloud_event(ce_type: str) -> None:
    event = cloud_event(*record(ce_type))
    Draft7Validator(CLOUD_EVENT).validate(event)
    assert event["type"] == ce_type
    assert event["source"] == f"/polyplus/{ce_type.split('.')[1]}"


@pytest.mark.parametrize("whole", [True, False])
def test_the_headers_are_those_of_the_catalogue(whole: bool) -> None:
    headers, _ = record("polyplus.rma.part-shipped.v1", whole=whole)
    described = asyncapi()["components"]["schemas"]["CloudEventHeaders"]
    Draft7Validator(described).validate(headers)
    assert headers.keys() <= described["properties"].keys()
    assert (headers.keys() == described["properties"].keys()) is whole
    assert re.match(RFC_3339, headers["ce_time"])


@pytest.mark.parametrize("ce_type", published())
def test_a_record_comes_back_as_the_event_it_was_made_from(ce_type: str) -> None:
    headers, data = record(ce_type)
    key = str(decode(ce_type, data).key).encode()
    got = delivery("t", 0, 1, key, [(name, value.encode()) for name, value in headers.items()], data)
    assert (got.type, got.version, got.account_id, got.causation_id, got.time) == (ce_type, 7, ACCOUNT, CAUSE, NOW)
    assert got.event() == decode(ce_type, data)
