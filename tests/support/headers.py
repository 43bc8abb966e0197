"""The headers of an outbox row that a test or a bench holds as an object or as JSON, as the relay would send them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from libs.bus.envelope import Headers, record_headers

_COLUMNS = (
    "event_id", "type", "subject", "account_id", "version", "causation_id", "actor", "traceparent", "time", "headers",
)  # fmt: skip


def headers_of(row: Mapping[str, Any]) -> Headers:
    return record_headers(*[_text(row[name]) for name in _COLUMNS])


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)
