from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local.demo.load import Ids
from deploy.local.stack import Stack
from deploy.local.story.people import Person
from tests.journeys.requests import a_failed_camera, a_request, call_off, sees

LION_GATE, SAO_MAI = "Lion Gate Analytics Pte. Ltd.", "Công ty Cổ phần Sao Mai"
OTHER_UNIT = {
    "product_number": "A3SV5AA",
    "serial": "8L263546C8BCFC",
}
OUTSIDERS = ("customer", "reseller", "integrator")
SECONDS = 60

Row = dict[str, Any]


@dataclass
class Affair:
    """A case with all that belongs to it, and people of another account who should see none of it."""

    case_id: str
    paths: list[str]
    outsiders: dict[str, Person]
    http: httpx.AsyncClient
    later: str
    """A case of the other account, opened when all events of the first were out."""
    ours: str
    theirs: str
    """The ids of the two accounts; outsiders belong to the other."""

    async def get(self, role: str, path: str, **params: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {await self.outsiders[role].token()}"}
        return await self.http.get(path, params=params, headers=headers)

    async def streamed(self, role: str) -> list[Row]:
        """Everything since the beginning that this person's live stream shows, up to the later case."""
        frames: list[Row] = []
        headers = {"authorization": f"Bearer {await self.outsiders[role].token()}", "last-event-id": "0"}
        async with (
            asyncio.timeout(SECONDS),
            self.http.stream("GET", "/v1/events/stream", headers=headers) as answer,
        ):
            assert answer.status_code == 200
            event = ""
            async for line in answer.aiter_lines():
                event = line.removeprefix("event: ") if line.startswith("event: ") else event
                if line.startswith("data:") and event != "health":
                    frames.append(json.loads(line.removeprefix("data:")))
                    if frames[-1]["data"].get("case_id") == self.later:
                        return frames
        raise AssertionError("the stream ended")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def affair(stack: Stack, ids: Ids) -> AsyncIterator[Affair]:
    theirs = ids["accounts"][LION_GATE]
    url = stack.env["POLYPLUS_GATEWAY_URL"]
    async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as http:
        admin, customer, engineer = (Person(role, stack.env, http) for role in ("admin", "customer", "engineer"))
        outsiders = {}
        for role in OUTSIDERS:
            made = await admin.post("/v1/clients", {"name": f"Lion Gate {role}", "role": role, "accounts": [theirs]})
            prefix = f"POLYPLUS_CLIENT_{role.upper()}"
            login = {f"{prefix}_ID": made["id"], f"{prefix}_SECRET": made["secret"]}
            outsiders[role] = Person(role, stack.env | login, http)

        case = (await customer.post("/v1/cases", a_request()))["id"]
        for text, visibility in (("Said to the customer.", "public"), ("Said among us.", "internal")):
            await engineer.post(f"/v1/cases/{case}/notes", {"text": text, "visibility": visibility})
        await engineer.post(f"/v1/cases/{case}/diagnoses", a_failed_camera())
        rma = await sees(customer, "/v1/rmas", case_id=case, state="reserved")
        visit = await sees(customer, "/v1/work-orders", case_id=case, state="planned")
        await sees(customer, "/v1/events", case_id=case, type="polyplus.onsite.visit-scheduled")
        later = await outsiders["customer"].post("/v1/cases", a_request(**OTHER_UNIT))

        below = ("", "/timeline", "/notes", "/diagnoses", "/waits", "/attachments")
        paths = [f"/v1/cases/{case}{path}" for path in below]
        paths += [f"/v1/rmas/{rma['id']}", f"/v1/work-orders/{visit['id']}"]
        yield Affair(case, paths, outsiders, http, later["id"], ids["accounts"][SAO_MAI], theirs)
        await asyncio.gather(call_off(case, customer, engineer), call_off(later["id"], outsiders["customer"], engineer))


@pytest.mark.parametrize("role", OUTSIDERS)
async def test_what_belongs_to_a_case_is_not_found_by_another_account(affair: Affair, role: str) -> None:
    found = {path: (await affair.get(role, path)).status_code for path in affair.paths}

    assert {path: status for path, status in found.items() if status not in (403, 404)} == {}
    assert found[affair.paths[0]] == 404


@pytest.mark.parametrize("role", OUTSIDERS)
@pytest.mark.parametrize("path", ["/v1/cases", "/v1/rmas", "/v1/work-orders", "/v1/registrations", "/v1/sites"])
async def test_lists_hold_nothing_of_another_account(affair: Affair, role: str, path: str) -> None:
    answer = await affair.get(role, path, limit="200")
    narrowed = await affair.get(role, path, account_id=affair.ours)

    if answer.status_code == 403:
        return
    assert {row["account_id"] for row in answer.json()["items"]} <= {affair.theirs}
    assert narrowed.status_code != 200 or narrowed.json()["items"] == []


@pytest.mark.parametrize("role", OUTSIDERS)
async def test_events_of_another_account_are_not_replayed(affair: Affair, role: str) -> None:
    events = (await affair.get(role, "/v1/events", limit="200")).json()["items"]

    assert {event["account_id"] for event in events} == {affair.theirs}
    assert {event["visibility"] for event in events} == {"public"}
    for asked in ({"case_id": affair.case_id}, {"account_id": affair.ours}):
        assert (await affair.get(role, "/v1/events", **asked)).json()["items"] == []


@pytest.mark.promise("C5")
@pytest.mark.parametrize("role", OUTSIDERS)
async def test_the_live_stream_shows_nothing_of_another_account(affair: Affair, role: str) -> None:
    frames = await affair.streamed(role)

    assert {frame["accountid"] for frame in frames} == {affair.theirs}
    assert affair.case_id not in json.dumps(frames)
