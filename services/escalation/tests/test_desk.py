"""Who is at the desk: kept by managers, there or not by their own word, and shown with what they carry."""

import re
from datetime import timedelta
from typing import Any

import pytest

from libs.store.ids import new_id
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.settings import EscalationSettings
from services.escalation.queries.desk import candidates
from services.escalation.tests.builders import a_case, a_person, id_of
from services.escalation.tests.desk import ROUND_THE_CLOCK, at_the_desk, says
from services.escalation.tests.test_absences import away
from tests.support.harness import Harness
from tests.support.lists import plan_of
from tests.support.refusals import refusal

HOUR = timedelta(hours=1)


async def shown(escalation: Harness, name: str) -> dict[str, Any]:
    [found] = (await escalation.get(f"/v1/desk-members?person_id={id_of(name)}")).json()["items"]
    return dict(found)


async def test_who_is_there_and_how_loaded_each_is_is_shown(escalation: Harness) -> None:
    await at_the_desk(escalation, "An", capacity=9)
    await at_the_desk(escalation, "Binh", there=False)
    for severity, wait in (("critical", None), ("major", "customer"), ("minor", None)):
        case = await a_case(escalation, severity)  # type: ignore[arg-type]
        await escalation.deliver(case.given("An", 0))
        if wait:
            await escalation.deliver(case.pending("customer", 1))
    over = await a_case(escalation)
    await escalation.deliver(over.given("An", 0), over.resolved(1))
    an, binh = await shown(escalation, "An"), await shown(escalation, "Binh")
    assert (an["person"]["name"], an["presence"], an["unavailable"]) == ("An", "available", None)
    assert (an["load"], an["cases"], an["capacity"]) == (4 + 1 + 1, 3, 9)
    assert (binh["presence"], binh["unavailable"], binh["load"], binh["capacity"]) == ("off", "off", 0, 12)
    await away(escalation, str(id_of("An")), 0, 1 / 24)
    await away(escalation, str(id_of("An")), 1 / 24, 2 / 24)
    an = await shown(escalation, "An")
    assert (an["unavailable"], an["in_hours"]) == ("absent", True)
    of_queue = (await escalation.get("/v1/desk-members?queue=video&active=true")).json()["items"]
    assert [each["person"]["name"] for each in of_queue] == ["An", "Binh"]
    assert (await escalation.get("/v1/desk-members?queue=audio")).json()["items"] == []


async def test_what_somebody_carries_is_read_by_its_index(escalation: Harness) -> None:
    await at_the_desk(escalation, "An")
    heard = list[Any]()
    async with escalation.transaction() as tx:
        await tx.connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan")
        tx.connection.add_query_logger(heard.append)
        await candidates(await tx.select(DeskMember), EscalationSettings(), tx)
        tx.connection.remove_query_logger(heard.append)
        of_loads = next(each for each in heard if "case_files.whose" in each.query)
        plan = str(await plan_of(tx.connection, of_loads.query, of_loads.args))
        assert "case_files_whose_state_idx" in plan
        assert re.search("'Index Cond': '[^']*whose", plan)
        of_times = next(each for each in heard if "FROM proposals" in each.query)
        assert "proposals_person_id_proposed_at_id_idx" in str(
            await plan_of(tx.connection, of_times.query, of_times.args)
        )


async def test_what_somebody_says_holds_until_then(escalation: Harness) -> None:
    await at_the_desk(escalation, "An", there=False)
    for said, afterwards in (("away", "available"), ("available", "off"), ("off", "available")):
        answer = (await says(escalation, "An", said, HOUR)).json()
        assert (answer["presence"], answer["until"] is None) == (said, False)
        await escalation.advance(HOUR)
        own = (await escalation.get("/v1/presence", role="engineer", person_id=id_of("An"))).json()
        assert (own["presence"], own["until"]) == (afterwards, None)


async def test_presence_is_ones_own_word(escalation: Harness) -> None:
    await at_the_desk(escalation, "An", there=False)
    nobody = await escalation.post("/v1/presence", {"presence": "available"}, role="engineer")
    assert refusal(nobody) == (422, "person-required")
    assert refusal(await says(escalation, "Binh", "available")) == (409, "not-at-the-desk")
    assert refusal(await says(escalation, "An", "away", -HOUR)) == (422, "not-a-stretch")
    assert refusal(await says(escalation, "An", "away", timedelta(days=90))) == (422, "not-a-stretch")
    wrong = await says(escalation, "An", "asleep")
    assert wrong.status_code == 422
    assert (await shown(escalation, "An"))["presence"] == "off"


async def test_a_manager_keeps_the_desk(escalation: Harness) -> None:
    member = await at_the_desk(escalation, "An")
    body = {"person_id": str(id_of("An")), "queues": ["audio"], "hours": ROUND_THE_CLOCK}
    again = await escalation.post("/v1/desk-members", body, role="manager")
    assert (refusal(again), again.json()["id"]) == ((409, "there-already"), member["id"])
    assert (await escalation.post("/v1/desk-members", body, role="engineer")).status_code == 403
    path = f"/v1/desk-members/{member['id']}"
    etag = (await escalation.get(path)).headers["etag"]
    changed = await escalation.patch(path, {"queues": ["audio"], "active": False}, etag=etag, role="manager")
    assert (changed.json()["queues"], changed.json()["unavailable"]) == (["audio"], "not_here")
    assert refusal(await escalation.patch(path, {"active": True}, etag=etag, role="manager")) == (
        412,
        "precondition-failed",
    )
    assert refusal(await says(escalation, "An", "available")) == (409, "not-at-the-desk")


async def test_at_the_desk_is_who_works_on_cases(escalation: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.kit.people.WAIT_SECONDS", 0.0)
    ops, left = new_id(), new_id()
    await escalation.learn(
        {
            ops: a_person("Ops").model_copy(update={"roles": ["ops"]}),
            left: a_person("Left").model_copy(update={"active": False}),
        }
    )
    for wrong in (ops, left):
        body = {"person_id": str(wrong), "queues": [], "hours": ROUND_THE_CLOCK}
        assert refusal(await escalation.post("/v1/desk-members", body, role="manager")) == (422, "no-such-person")
    async with escalation.transaction() as tx:
        assert await tx.select(DeskMember) == []
