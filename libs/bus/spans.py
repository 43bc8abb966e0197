"""The bus' spans, by OpenTelemetry's semantic conventions for messaging.

A batch serves many traces: its own span is a root that links to them, and what is done for one event is a child of that event's
`ce_traceparent`, so that one case stays one trace across services.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Any
from uuid import UUID

import asyncpg
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind

from libs.bus.envelope import Delivery
from libs.store import Transaction, tracing

_UNRECORDED = nullcontext()


def page_span(rows: Sequence[asyncpg.Record]) -> Span:
    """The span of a page of outbox rows on its way to Kafka; `end_with` ends it."""
    if not tracing.recording():
        return INVALID_SPAN
    topics = {row["topic"] for row in rows}
    attributes: dict[str, str | int | bool] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.batch.message_count": len(rows),
    }
    if len(topics) == 1:
        attributes["messaging.destination.name"] = rows[0]["topic"]
    name = f"send {rows[0]['topic']}" if len(topics) == 1 else "send"
    return tracing.detached_span(name, SpanKind.PRODUCER, attributes, links=(row["traceparent"] for row in rows))


def end_with(span: Span, acknowledgements: Sequence["asyncio.Future[Any]"]) -> None:
    """Ends the span once Kafka has acknowledged everything, or one of it fails."""
    if span.is_recording():
        asyncio.gather(*acknowledgements, return_exceptions=True).add_done_callback(lambda _: span.end())


def batch_span(
    consumer: str, topic: str, partition: int, deliveries: Sequence[Delivery]
) -> AbstractAsyncContextManager[None]:
    """The span of one partition's batch, from the fence to the commit."""
    return _batch_span(consumer, topic, partition, deliveries) if tracing.recording() else nullcontext()


@asynccontextmanager
async def _batch_span(consumer: str, topic: str, partition: int, deliveries: Sequence[Delivery]) -> AsyncIterator[None]:
    attributes = _processing(consumer, topic, partition) | {"messaging.batch.message_count": len(deliveries)}
    with tracing.span(f"process {topic}", SpanKind.CONSUMER, attributes, links=(d.traceparent for d in deliveries)):
        yield


def event_span(consumer: str, delivery: Delivery, tx: Transaction) -> AbstractContextManager[None]:
    """The span of one event's handlers, in that event's own trace; what they emit goes on from it."""
    if not tracing.recording():
        return _UNRECORDED
    attributes = _processing(consumer, delivery.topic, delivery.partition) | {
        "messaging.message.id": str(delivery.event_id),
        "messaging.kafka.offset": delivery.offset,
        "messaging.kafka.message.key": str(delivery.key),
        "cloudevents.event_type": delivery.type,
        "cloudevents.event_subject": str(delivery.subject),
    }
    name = f"process {delivery.type.rpartition('.v')[0]}"
    return _within(tracing.span(name, SpanKind.CONSUMER, attributes, below=delivery.traceparent), tx)


def timer_span(aggregate: str, id: UUID, kind: str, tx: Transaction) -> AbstractContextManager[None]:
    """The span of one timer that fires: the root of a trace, since what set it may be long over."""
    if not tracing.recording():
        return _UNRECORDED
    attributes = {"polyplus.aggregate.type": aggregate, "polyplus.aggregate.id": str(id), "polyplus.timer.kind": kind}
    return _within(tracing.span(f"fire {aggregate}.{kind.partition(':')[0]}", attributes=attributes), tx)


def job_span(job: asyncpg.Record) -> AbstractContextManager[Span]:
    """The span of one attempt at a call to the outside, in the trace of what asked for it."""
    if not tracing.recording():
        return tracing.span("")
    attributes = {
        "polyplus.aggregate.type": job["aggregate"],
        "polyplus.aggregate.id": str(job["aggregate_id"]),
        "polyplus.job.reference": job["reference"],
        "polyplus.job.attempt": job["attempt"],
    }
    name = f"call {job['aggregate']}.{job['kind']}"
    return tracing.span(name, SpanKind.CLIENT, attributes, below=job["traceparent"])


@contextmanager
def _within(span: AbstractContextManager[Span], tx: Transaction) -> Iterator[None]:
    with span:
        before = tx.goes_on_from(tracing.traceparent())
        yield
    tx.goes_on_from(before)


def _processing(consumer: str, topic: str, partition: int) -> dict[str, str | int | bool]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(partition),
        "messaging.consumer.group.name": consumer,
    }
