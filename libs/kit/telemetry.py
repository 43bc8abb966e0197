"""What a process tells of itself: one JSON line per log event on stdout, OpenTelemetry spans, Prometheus metrics.

Code logs with `structlog.get_logger()`; fields that hold for a while are bound with `structlog.contextvars`
(`bind_contextvars(actor=...)`). Spans go to the OTLP collector that OpenTelemetry's own variables name
(`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER` …); without one none is recorded: see `libs.store.tracing`.
"""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from threading import Thread
from typing import TextIO, cast

import prometheus_client
import structlog
from opentelemetry.trace import get_current_span, set_tracer_provider
from structlog.typing import EventDict, Processor, WrappedLogger

from libs.bus.handlers import handled
from libs.kit.foreign import Tamed
from libs.store import tracing
from libs.store.reasons import reason, stack

_SECRET_KEY = re.compile(
    r"authorization|secret|passw|token|cookie|credential|private_?key|api_?key|signature", re.IGNORECASE
)
_SECRET_TEXT = re.compile(r"(://[^\s:/@\"]*:)[^\s@\"]+(?=@)|(\b(?:Bearer|Basic) )[\w.~+/=-]+", re.IGNORECASE)
_HIDDEN = "[hidden]"
_DEEPEST = 8
_LAST_SPANS_SECONDS = 3.0
_quickly: Callable[[str, str], None] | None = None
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


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


def _no_error_itself(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An error that is logged as a field is told without values."""
    for name, value in event.items():
        if isinstance(value, BaseException) and name != "exc_info":
            event[name] = reason(value)
    return event


class _Forgiving:
    """A stream whose lines are lost while they cannot be written: a full disk, or nobody who reads, must not end what logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(service: str, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Sends the logs of this process, the libraries' included, to `stream` (stdout) as JSON lines."""

    def add_place(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        if delivery := handled.get():
            event["event_id"], event["event_type"] = str(delivery.event_id), delivery.type
            if delivery.traceparent:
                event["trace_id"] = delivery.traceparent[3:35]
        place = get_current_span().get_span_context()
        if place.is_valid:
            event["trace_id"], event["span_id"] = f"{place.trace_id:032x}", f"{place.span_id:016x}"
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_place,
        _no_error_itself,
        structlog.processors.ExceptionRenderer(lambda info: stack(info[1])),
    ]
    out = cast("TextIO", _Forgiving(stream or sys.stdout))
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    known: tuple[int, str] = (0, "")

    def write(event: str, members: str) -> None:
        nonlocal known
        now = time.time()
        if int(now) != known[0]:
            known = int(now), time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        at = f"{known[1]}.{int(now % 1 * 1e6):06d}Z"
        out.write(f'{{"event": "{event}", {members}, "level": "info", "time": "{at}", "service": "{service}"}}\n')
        out.flush()

    global _quickly  # noqa: PLW0603 - one for the process, as the log is
    _quickly = write
    handler = logging.StreamHandler(out)
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render]
    handler.addFilter(Tamed())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def tell_quickly(event: str, members: str) -> None:
    """A line with these members, which are JSON, without the chain that others go through: that takes as long as many a request.

    Nothing in it is hidden. Before `configure` nothing is written.
    """
    if _quickly is not None:
        _quickly(event, members)


def record_spans(service: str) -> Callable[[], None]:
    """Records spans if the environment names a collector; what is returned sends off the last ones, in at most 3 s."""
    named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not any(map(os.environ.get, named)) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return lambda: None
    # 5 MiB that a process without a collector does not carry
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    who = Resource.create({"service.name": service, "service.namespace": "polyplus"})
    provider = TracerProvider(resource=who, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    set_tracer_provider(provider)  # FastAPI records requests with it
    tracing.record_with(provider.get_tracer("polyplus"))

    def end() -> None:
        # In a thread that need not end: a collector that does not answer must not keep the process.
        sending = Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(_LAST_SPANS_SECONDS)

    return end


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
