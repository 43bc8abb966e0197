from __future__ import annotations

import asyncio
import re

import httpx

from deploy.local.stack import Stack
from deploy.topics import SERVICES
from tests.support.observability import metrics_named

WORKERS_ALONE = (
    "polyplus_relay_",
    "polyplus_consumer_",
    "polyplus_timers_",
    "polyplus_job",
    "polyplus_dead_",
    "polyplus_parked_",
)


async def test_what_dashboard_and_alerts_name_is_told_by_the_processes(stack: Stack) -> None:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        urls = {name: f"{stack.env[f'POLYPLUS_{name.upper()}_URL']}/metrics" for name in SERVICES}
        answers = dict(zip(urls, await asyncio.gather(*map(http.get, urls.values())), strict=True))
    told = {name: set(re.findall(r"^# TYPE (\w+)", answer.text, re.MULTILINE)) for name, answer in answers.items()}

    assert metrics_named() - set().union(*told.values()) == set()
    of_workers = {metric for metric in metrics_named() if metric.startswith(WORKERS_ALONE)}
    assert {name: of_workers - found for name, found in told.items() if name != "gateway" and of_workers - found} == {}
    assert re.search(
        r'^polyplus_consumer_lag_events{partition="\d+",topic="cases.events"} ', answers["rma"].text, re.MULTILINE
    )
    assert 'polyplus_check_up{check="relay"} 1.0' in answers["rma"].text
    assert re.search(
        r'polyplus_http_request_duration_seconds_count{method="\w+",route="/v1/', answers["entitlements"].text
    )
