"""What a process tells of itself: one JSON line per log event on stdout, W3C trace context, Prometheus metrics.

Code logs with `structlog.get_logger()`; fields that hold for a while are bound with `structlog.contextvars`
(`bind_contextvars(actor=...)`). Trace context: https://www.w3.org/TR/trace-context/, version 00.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self, TextIO

import prometheus_client
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from libs.bus.handlers import handled

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SECRET_KEY = re.compile(
    r"authorization|secret|passw|token|cookie|credential|private_?key|api_?key|signature", re.IGNORECASE
)
_SECRET_TEXT = re.compile(r"(://[^\s:/@\"]*:)[^\s@\"]+(?=@)|(\b(?:Bearer|Basic) )[\w.~+/=-]+", re.IGNORECASE)
_HIDDEN = "[hidden]"
_DEEPEST = 8
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


@dataclass(frozen=True, slots=True)
class Traceparent:
    """A position in a trace; `str()` gives the header's value."""

    trace_id: str
    span_id: str
    flags: str = "01"

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @classmethod
    def new(cls) -> Self:
        """The root of a new trace, sampled."""
        return cls(os.urandom(16).hex(), os.urandom(8).hex())

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """The header's position; None for one that is absent or breaks the format, which begins a new trace."""
        match = _TRACEPARENT.fullmatch(header or "")
        # Version 00 ends after the flags; a later one may go on.
        return cls(*match.group(1, 2, 3)) if match and not (match[4] and match[0].startswith("00")) else None

    def child(self) -> "Traceparent":
        """A new span of the same trace."""
        return Traceparent(self.trace_id, os.urandom(8).hex(), self.flags)


_current: ContextVar[Traceparent | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str | None:
    """The `traceparent` to hand on with an event or a call to the outside; None outside any trace."""
    position = _current.get()
    return None if position is None else str(position)


@contextmanager
def trace(parent: str | None = None) -> Iterator[Traceparent]:
    """Works in a new span: below `parent` if that is a valid header, else below the current span, else in a new trace."""
    above = Traceparent.parse(parent) or _current.get()
    span = above.child() if above else Traceparent.new()
    before = _current.set(span)
    try:
        yield span
    finally:
        _current.reset(before)


def redact(value: object, depth: int = 0) -> object:
    """`value` with whatever stands under a secret's name hidden, at any depth that a log has."""
    if depth > _DEEPEST:
        return "[too deep]"
    match value:
        case Mapping():
            return {k: _HIDDEN if _SECRET_KEY.search(str(k)) else redact(v, depth + 1) for k, v in value.items()}
        case (str() | bytes() as name, _) if _SECRET_KEY.search(str(name)):
            return (name, _HIDDEN)  # a header, as ASGI and most clients hold it
        case list() | tuple() | set() | frozenset():
            return [redact(each, depth + 1) for each in value]
    return value


def _render(_: WrappedLogger, __: str, event: EventDict) -> str:
    line = json.dumps(redact(event), default=str, ensure_ascii=False)
    return _SECRET_TEXT.sub(rf"\1\2{_HIDDEN}", line)


def configure(service: str, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Sends the logs of this process, the libraries' included, to `stream` (stdout) as JSON lines."""

    def add_place(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        if delivery := handled.get():
            event["event_id"], event["trace_id"] = str(delivery.event_id), (delivery.traceparent or "")[3:35]
        if position := _current.get():
            event["trace_id"], event["span_id"] = position.trace_id, position.span_id
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_place,
        structlog.processors.format_exc_info,
    ]
    out = stream or sys.stdout
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    handler = logging.StreamHandler(out)
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def counter(name: str, documentation: str, labels: Iterable[str] = ()) -> prometheus_client.Counter:
    """A count that only grows; `_total` is added to the name."""
    return prometheus_client.Counter(f"polyplus_{name}", documentation, tuple(labels))


def gauge(name: str, documentation: str, labels: Iterable[str] = ()) -> prometheus_client.Gauge:
    """A value that goes up and down."""
    return prometheus_client.Gauge(f"polyplus_{name}", documentation, tuple(labels))


def histogram(name: str, documentation: str, labels: Iterable[str] = ()) -> prometheus_client.Histogram:
    """How long something took, in seconds; the name ends in `_seconds`."""
    return prometheus_client.Histogram(f"polyplus_{name}", documentation, tuple(labels), buckets=_BUCKETS)


def exposition() -> str:
    """Every metric of this process in the Prometheus text format 0.0.4."""
    return prometheus_client.generate_latest().decode()
