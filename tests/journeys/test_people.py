from __future__ import annotations

from typing import Any

from deploy.local.demo.load import Ids
from deploy.local.stack import Stack
from deploy.local.story.people import Person
from deploy.local.waiting import until_async
from tests.journeys.requests import SECONDS, a_request, call_off

LAN = "Phạm Thị Lan"


async def test_what_a_person_does_is_theirs_on_the_record_and_by_name_for_who_asks(
    people: dict[str, Person], stack: Stack, ids: Ids
) -> None:
    """The record holds ids; what the gateway did is on it too."""
    lan = ids["people"]["lan.pham@polyplus.example"]
    case = await people["customer"].post("/v1/cases", a_request(description="Who looks at it?"))
    note = {"text": "I am looking at it.", "visibility": "public"}
    await people["engineer"].post(f"/v1/cases/{case['id']}/notes", note)

    async def events(**asked: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await people["ops"].get("/v1/events", **asked))["items"]
        return found

    async def is_on_record() -> bool:
        found = await events(case_id=case["id"], type="polyplus.cases.note-added")
        return [event["actor"] for event in found] == [f"engineer:{lan}"]

    await until_async(is_on_record, seconds=SECONDS, otherwise="the note is not on the record as hers")
    told = await events(type="polyplus.gateway.", limit="200")
    assert lan in {event["data"]["person_id"] for event in told if event["type"].startswith("polyplus.gateway.person-")}
    client = stack.env["POLYPLUS_CLIENT_ENGINEER_ID"]
    made = [event for event in told if event["data"].get("client_id") == client]
    assert made[0]["type"] == "polyplus.gateway.client-created.v1"
    assert made[0]["data"]["person_id"] == lan
    for role in ("engineer", "customer"):
        names = (await people[role].get("/v1/names", ids=lan))["items"]
        assert names == [{"id": lan, "name": LAN, "state": "known"}]
    await call_off(case["id"], people["customer"], people["engineer"])
