from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.demo.load import Ids
from deploy.local.stack import Stack
from deploy.local.story.people import Person
from deploy.local.waiting import until_async
from tests.journeys.requests import a_failed_camera, a_partners_fault, a_request, call_off, sees

CASES = 20
OTHERS = ("rma", "escalation", "ecps", "onsite", "entitlements")
SECONDS = 60

People = dict[str, Person]
Row = dict[str, Any]


@pytest.mark.promise("S1", "C1")
async def test_requests_are_taken_while_every_other_service_is_down_and_worked_when_they_return(
    stack: Stack, people: People, ids: Ids
) -> None:
    customer, engineer = people["customer"], people["engineer"]
    await customer.get("/v1/cases")  # the gateway knows who this is
    await asyncio.gather(*(stack.stop(name) for name in OTHERS))
    try:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            answers = await asyncio.gather(*(open_case(http, stack, customer, n) for n in range(CASES)))
        assert [answer.status_code for answer in answers] == [201] * CASES
        cases: list[Row] = [answer.json() for answer in answers]
        hardware, partners = cases[0]["id"], cases[1]["id"]
        await engineer.post(f"/v1/cases/{hardware}/diagnoses", a_failed_camera())
        await engineer.post(f"/v1/cases/{partners}/diagnoses", a_partners_fault(ids["partners"]["microsoft-teams"]))
        await customer.post(f"/v1/cases/{partners}/partner-ticket-request", {"consent": True})
    finally:
        await asyncio.gather(*(stack.start(name) for name in OTHERS))

    async def all_covered() -> bool:
        found = await asyncio.gather(*(customer.get(f"/v1/cases/{case['id']}") for case in cases))
        return all(case["coverage"]["status"] == "covered" for case in found)

    await until_async(all_covered, seconds=SECONDS, otherwise="not every case is covered")
    for case in cases:
        await sees(engineer, "/v1/clocks", case_id=case["id"], kind="resolution")
    rma = await sees(customer, "/v1/rmas", case_id=hardware)
    assert rma["part_number"] == "CAM-X70-01"
    await sees(customer, "/v1/work-orders", case_id=hardware, state="planned")
    await sees(customer, "/v1/partner-engagements", case_id=partners, state="opened")
    await asyncio.gather(*(call_off(case["id"], customer, engineer) for case in cases))


async def open_case(http: httpx.AsyncClient, stack: Stack, customer: Person, n: int) -> httpx.Response:
    """One attempt, no second one."""
    headers = {"authorization": f"Bearer {await customer.token()}", "idempotency-key": str(uuid4())}
    body = a_request(description=f"Room {n}: no picture from the camera.")
    return await http.post(f"{stack.env['POLYPLUS_GATEWAY_URL']}/v1/cases", json=body, headers=headers)
