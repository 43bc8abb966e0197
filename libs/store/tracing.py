"""One trace through HTTP, outbox, Kafka and handlers: spans by OpenTelemetry, positions as W3C `traceparent`.

Nothing is recorded before `record_with`, which `libs.kit.telemetry` calls when the process has somewhere to send spans. Until then
a span costs a look at a variable, and the trace ids that came are handed on all the same.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
)

Attributes = Mapping[str, str | int | bool]
MAX_LINKS = 128  # what OpenTelemetry keeps of them
_W3C = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNRECORDED = nullcontext(INVALID_SPAN)
_tracer: Tracer | None = None


def record_with(tracer: Tracer | None) -> None:
    """From now on spans are this tracer's; None records no more."""
    global _tracer  # noqa: PLW0603 - one for the process, as OpenTelemetry has it
    _tracer = tracer


def recording() -> bool:
    """Whether spans are recorded at all: look here before work that only they need."""
    return _tracer is not None


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    *,
    below: str | None = None,
    links: Iterable[str | None] = (),
) -> AbstractContextManager[Span]:
    """Works in a span of this name: a child of the position `below` if that is a valid one, else of the current span, else a root.

    `links` are positions of traces that it serves too. An exception is recorded and comes through.
    """
    if _tracer is None:
        return _UNRECORDED
    return _tracer.start_as_current_span(name, _context(below), kind, attributes, _links(links))


def detached_span(name: str, kind: SpanKind, attributes: Attributes, *, links: Iterable[str | None]) -> Span:
    """A span of its own trace that is nobody's current one; whoever began it calls `end()`."""
    return _tracer.start_span(name, Context(), kind, attributes, _links(links)) if _tracer else INVALID_SPAN


@contextmanager
def continued(header: str | None) -> Iterator[None]:
    """Works in the caller's trace, or in a new one, where no span says so already: under an id of its own, which is not recorded."""
    if get_current_span().get_span_context().is_valid:
        yield
        return
    above = _position(header)
    position = SpanContext(
        above.trace_id if above else int.from_bytes(os.urandom(16)),
        int.from_bytes(os.urandom(8)),
        is_remote=False,
        trace_flags=above.trace_flags if above else _SAMPLED,
    )
    before = contexts.attach(set_span_in_context(NonRecordingSpan(position)))
    try:
        yield
    finally:
        contexts.detach(before)


def traceparent() -> str | None:
    """The position to hand on with an event or a request; None outside any trace."""
    position = get_current_span().get_span_context()
    return (
        f"00-{position.trace_id:032x}-{position.span_id:016x}-{position.trace_flags:02x}" if position.is_valid else None
    )


def _position(header: str | None) -> SpanContext | None:
    """None for a header that is absent or breaks the format (https://www.w3.org/TR/trace-context, version 00).

    OpenTelemetry's own reader takes four times as long, at every request.
    """
    match = _W3C.fullmatch(header or "")
    if not match or (match[4] and match[0].startswith("00")):  # version 00 ends after the flags; a later one may go on
        return None
    return SpanContext(int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(int(match[3], 16)))


def _context(below: str | None) -> Context | None:
    position = _position(below)
    return set_span_in_context(NonRecordingSpan(position), Context()) if position else None


def _links(headers: Iterable[str | None]) -> list[Link]:
    distinct = list(dict.fromkeys(filter(None, headers)))[:MAX_LINKS]
    return [Link(position) for position in map(_position, distinct) if position]
