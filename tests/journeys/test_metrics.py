from __future__ import annotations

import re

import httpx

from deploy.local.stack import Stack
from deploy.local.story.people import Person
from deploy.local.waiting import until_async
from deploy.services import SERVICES
from tests.journeys.requests import SECONDS
from tests.support.observability import metrics_named

LAG = re.compile(r'^polyplus_consumer_lag_events{partition="\d+",topic="cases.events"} ', re.MULTILINE)
WORKERS_ALONE = (
    "polyplus_relay_",
    "polyplus_consumer_",
    "polyplus_timers_",
    "polyplus_job",
    "polyplus_dead_",
    "polyplus_parked_",
)


async def test_what_dashboard_and_alerts_name_is_told_by_the_processes(stack: Stack, people: dict[str, Person]) -> None:
    await people["customer"].get("/v1/cases")
    told: dict[str, str] = {}

    async def all_watched() -> bool:
        """A process that has just begun says what it found at its first look, seconds later."""
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            for name in SERVICES:
                where = "GATEWAY_OPS" if name == "gateway" else name.upper()
                told[name] = (await http.get(f"{stack.env[f'POLYPLUS_{where}_URL']}/metrics")).text
        return LAG.search(told["rma"]) is not None and 'polyplus_check_up{check="relay"} 1.0' in told["rma"]

    await until_async(all_watched, seconds=SECONDS, otherwise="rma tells neither its lag nor its checks")
    kinds = {name: set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) for name, text in told.items()}
    assert metrics_named() - set().union(*kinds.values()) == set()
    of_workers = {metric for metric in metrics_named() if metric.startswith(WORKERS_ALONE)}
    assert {name: of_workers - found for name, found in kinds.items() if of_workers - found} == {}
    assert 'polyplus_http_request_duration_seconds_count{method="GET",route="/v1/cases",status="200"}' in told["cases"]
    assert 'polyplus_gateway_answers_total{status="200",upstream="cases"}' in told["gateway"]
