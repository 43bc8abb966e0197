from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind

from libs.store import tracing
from libs.store.tracing import continued, span, traceparent

FOREIGN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FOREIGN_TRACE, FOREIGN_SPAN = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7


@pytest.fixture
def recorded() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.record_with(provider.get_tracer("test"))
    yield exporter
    tracing.record_with(None)


def position_of(span: ReadableSpan) -> SpanContext:
    position: SpanContext | None = span.context
    assert position
    return position


def trace_of(position: str | None) -> str:
    assert position
    return position.split("-")[1]


def test_a_request_stays_in_its_callers_trace_though_nothing_is_recorded() -> None:
    assert traceparent() is None
    with continued(FOREIGN):
        inside = traceparent()
        assert trace_of(inside) == trace_of(FOREIGN)
        assert inside != FOREIGN
        with continued(None), span("work"):
            assert traceparent() == inside
    assert traceparent() is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        FOREIGN.upper(),
        FOREIGN + "-more",
        FOREIGN + "\n",
        "ff" + FOREIGN[2:],
        FOREIGN.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        FOREIGN.replace("00f067aa0ba902b7", "0" * 16),
    ],
)
def test_a_header_that_breaks_the_format_begins_a_new_trace(header: str | None) -> None:
    with continued(header):
        assert trace_of(traceparent()) not in FOREIGN


def test_a_header_of_a_later_version_is_understood() -> None:
    with continued("cc" + FOREIGN[2:] + "-what-comes-next"):
        assert trace_of(traceparent()) == trace_of(FOREIGN)


def test_a_span_is_the_child_of_the_position_that_came(recorded: InMemorySpanExporter) -> None:
    with (
        span("process", SpanKind.CONSUMER, {"messaging.system": "kafka"}, below=FOREIGN),
        continued(None),
        span("commit"),
    ):
        handed_on = traceparent()
    inner, outer = recorded.get_finished_spans()
    assert outer.parent
    assert inner.parent
    assert (outer.parent.trace_id, outer.parent.span_id) == (FOREIGN_TRACE, FOREIGN_SPAN)
    assert inner.parent.span_id == position_of(outer).span_id
    assert handed_on == f"00-{FOREIGN_TRACE:032x}-{position_of(inner).span_id:016x}-01"


def test_a_batch_is_a_trace_of_its_own_with_a_link_to_each_it_serves(recorded: InMemorySpanExporter) -> None:
    with span("outer"):
        batch = tracing.detached_span("send", SpanKind.PRODUCER, {}, links=[FOREIGN, None, "rubbish", FOREIGN])
        batch.end()
    found, outer = recorded.get_finished_spans()
    assert found.parent is None
    assert position_of(found).trace_id != position_of(outer).trace_id
    assert [(link.context.trace_id, link.context.span_id) for link in found.links] == [(FOREIGN_TRACE, FOREIGN_SPAN)]
