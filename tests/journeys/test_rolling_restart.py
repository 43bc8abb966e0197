from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

import pytest

from deploy.local.stack import Stack
from deploy.local.story.people import Person
from deploy.local.waiting import until_async
from deploy.services import SERVICES
from libs.events.cases import CaseOpened
from libs.events.cases_work import FaultDiagnosed
from libs.events.onsite import WorkOrderOpened
from libs.events.rma import RmaRequested
from tests.journeys.requests import SECONDS, a_failed_camera, a_request, call_off, sees

OPENERS = 2
OPENED = CaseOpened.contract.ce_type
ONCE = {
    OPENED, FaultDiagnosed.contract.ce_type, RmaRequested.contract.ce_type, WorkOrderOpened.contract.ce_type,
}  # fmt: skip
"""What every such case comes to, through three services, whatever the stock and the technicians' days allow."""

People = dict[str, Person]
Events = list[dict[str, Any]]


class Load:
    """Cases are opened and diagnosed, each opener's next one when a part was asked for its last; until told to stop."""

    def __init__(self, people: People) -> None:
        self._customer, self._engineer = people["customer"], people["engineer"]
        self._over = asyncio.Event()
        self.cases: list[str] = []

    async def open_cases(self) -> None:
        while not self._over.is_set():
            case = await self._customer.post("/v1/cases", a_request())
            self.cases.append(case["id"])
            await self._engineer.post(f"/v1/cases/{case['id']}/diagnoses", a_failed_camera())
            await sees(self._engineer, "/v1/rmas", case_id=case["id"])

    def stop(self) -> None:
        self._over.set()


@pytest.mark.promise("C1", "C2")
async def test_every_service_is_restarted_under_load_and_nothing_is_lost_or_doubled(
    stack: Stack, people: People
) -> None:
    load, engineer = Load(people), people["engineer"]
    before = (await engineer.get("/v1/events", type="nothing"))["position"]
    async with asyncio.TaskGroup() as tasks:
        for _ in range(OPENERS):
            tasks.create_task(load.open_cases())
        for name in SERVICES:
            await stack.stop(name)
            await stack.start(name)
        load.stop()
    assert len(load.cases) > OPENERS

    async def settled() -> bool:
        return all(set(types(found)) >= ONCE for found in await asyncio.gather(*map(timeline, load.cases)))

    async def timeline(case: str) -> Events:
        found: Events = (await engineer.get("/v1/events", case_id=case, limit="200"))["items"]
        return found

    await until_async(settled, seconds=SECONDS, otherwise="not every case came to its part and its visit")
    for found in await asyncio.gather(*map(timeline, load.cases)):
        assert {kind: types(found)[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)
        versions = defaultdict(list)
        for event in found:
            versions[event["source"], event["subject"]].append(event["version"])
        assert [each for each in versions.values() if each != list(range(1, len(each) + 1))] == []
    assert sorted(event["case_id"] for event in await since(before, engineer)) == sorted(load.cases)
    await asyncio.gather(*(call_off(case, people["customer"], engineer) for case in load.cases))


async def since(place: int, engineer: Person) -> Events:
    """The cases opened after this place of the stream."""
    found: Events = []
    while True:
        page = await engineer.get("/v1/events", type=OPENED, after=place, limit="200")
        found += page["items"]
        if not page["next_cursor"]:
            return found
        place = page["position"]


def types(events: Events) -> Counter[str]:
    return Counter(event["type"] for event in events)
