from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from deploy.local.stack import Stack
from deploy.local.story.people import Person
from deploy.local.waiting import until_async
from tests.journeys.requests import a_failed_camera, a_request, call_off, sees
from tests.support.collector import Collector, Span

SECONDS = 30
CALLER = "00f067aa0ba902b7"
RESERVING = ("onsite", "process polyplus.rma.part-reserved")


@pytest_asyncio.fixture(loop_scope="session")
async def trace_id(stack: Stack) -> AsyncIterator[str]:
    """One case, diagnosed, with every request to it made in this one trace; yielded when its visit is planned."""
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{CALLER}-01"}
    async with httpx.AsyncClient(timeout=20, trust_env=False, headers=headers) as http:
        customer, engineer = (Person(role, stack.env, http) for role in ("customer", "engineer"))
        case = (await customer.post("/v1/cases", a_request()))["id"]
        await engineer.post(f"/v1/cases/{case}/diagnoses", a_failed_camera())
        await sees(customer, "/v1/rmas", case_id=case, state="reserved")
        await sees(customer, "/v1/work-orders", case_id=case, state="planned")
        yield trace_id
        await call_off(case, customer, engineer)


async def test_one_case_is_one_trace_through_every_service_it_touches(trace_id: str, collector: Collector) -> None:
    def whole() -> bool:
        """Everybody has handled what it brought about, the calls to the outside are made, and no span hangs in the air."""
        spans = collector.traces[trace_id]
        told = {(span.service, span.name) for span in spans}
        known = {span.span_id for span in spans} | {CALLER}
        return (
            {span.service for span in spans if span.kind == "CONSUMER"}
            >= {"cases", "entitlements", "escalation", "rma", "onsite"}
            and RESERVING in told
            and any(name.startswith("call ") for _, name in told)
            and linked() >= {("cases", "PRODUCER"), ("rma", "PRODUCER"), ("activity", "CONSUMER")}
            and all(span.parent_id in known for span in spans)
        )

    def linked() -> set[tuple[str, str]]:
        return {(s.service, s.kind) for trace in collector.traces.values() for s in trace if trace_id in s.links}

    async def arrived() -> bool:
        return whole()

    await until_async(
        arrived, seconds=SECONDS, otherwise=f"the trace is not whole: {_told(collector.traces[trace_id])}"
    )
    spans = {span.span_id: span for span in collector.traces[trace_id]}

    def above(span: Span) -> list[tuple[str, str]]:
        way = []
        while span.parent_id != CALLER:
            span = spans[span.parent_id]
            way.append((span.service, span.kind))
        return way

    reserving = next(span for span in spans.values() if (span.service, span.name) == RESERVING)
    assert reserving.attributes["messaging.destination.name"] == "rma.events"
    assert above(reserving)[-3:] == [("cases", "SERVER"), ("gateway", "CLIENT"), ("gateway", "SERVER")]
    assert ("rma", "CONSUMER") in above(reserving)
    calls = [span for span in spans.values() if span.name.startswith("call ")]
    assert {span.service for span in calls} == {"rma"}, _told(spans.values())


def _told(spans: object) -> str:
    return "\n".join(sorted(f"{s.service} {s.kind} {s.name}" for s in spans))  # type: ignore[attr-defined]
