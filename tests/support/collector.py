"""An OpenTelemetry collector that keeps what it is sent: OTLP over HTTP, spans only."""

from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan


@dataclass(frozen=True, slots=True)
class Span:
    """One that has ended. Ids are in hexadecimal; `links` are the traces it links to."""

    service: str
    name: str
    kind: str  # SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: dict[str, str | int]


class Collector:
    """`async with Collector() as collector:`; `environment` is what a process needs to find it."""

    def __init__(self) -> None:
        self.traces: dict[str, list[Span]] = defaultdict(list)

    @property
    def environment(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._port}", "OTEL_BSP_SCHEDULE_DELAY": "500"}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        for resource in ExportTraceServiceRequest.FromString(await request.read()).resource_spans:
            service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for scope in resource.scope_spans:
                for sent in scope.spans:
                    self.traces[sent.trace_id.hex()].append(_span(service, sent))
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )


def _span(service: str, sent: WireSpan) -> Span:
    return Span(
        service,
        sent.name,
        WireSpan.SpanKind.Name(sent.kind).removeprefix("SPAN_KIND_"),
        sent.trace_id.hex(),
        sent.span_id.hex(),
        sent.parent_span_id.hex(),
        tuple(link.trace_id.hex() for link in sent.links),
        {a.key: a.value.string_value or a.value.int_value for a in sent.attributes},
    )
