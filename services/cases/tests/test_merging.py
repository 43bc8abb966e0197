"""A duplicate is merged into the case that goes on: nothing of it is lost, and what is said to it is heard there."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events import Event
from libs.events.cases import CaseClosed, CasesMerged
from libs.events.cases_work import FirstResponseSent, NoteAdded
from services.cases.model.lifecycle import CaseState
from services.cases.tests.builders import (
    CUSTOMER,
    STRANGER,
    a_fault,
    a_request,
    alert_cleared,
    alert_raised,
    did,
    in_progress,
    opened,
    shown,
)
from services.cases.tests.test_lifecycle import in_state
from services.cases.tests.test_redaction import fact, redacted
from tests.support.harness import Harness
from tests.support.refusals import refusal
from tests.support.taking_out import SAID, everything

WHY = "they asked twice"


async def merge(h: Harness, case_id: UUID, into: UUID, why: str = WHY, **who: Any) -> Any:
    return await h.post(f"/v1/cases/{case_id}/merge", {"into": str(into), "reason": why}, **who)


async def merged(h: Harness, case_id: UUID, into: UUID) -> dict[str, Any]:
    answer = await merge(h, case_id, into)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_file(h: Harness, case_id: UUID, **who: Any) -> Any:
    answer = await h.post(f"/v1/cases/{case_id}/attachments?file_name=a.txt", {"it": "is dark"}, **who)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def items(h: Harness, case_id: UUID, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await h.get(f"/v1/cases/{case_id}/{what}", **CUSTOMER)).json()["items"]
    return found


@pytest.mark.promise("S18")
@pytest.mark.parametrize("state", ["acknowledged", "in_progress", "pending", "assessing_cancellation"])
async def test_a_duplicate_in_any_open_state_goes_on_as_the_other(cases: Harness, state: CaseState) -> None:
    survivor, case_id = await opened(cases), await in_state(cases, state)
    case = await merged(cases, case_id, survivor)

    assert (case["state"], case["merged_into"], case["closed_at"] is None) == ("closed", str(survivor), False)
    assert (case["history"][-1]["state"], case["history"][-1]["reason"]) == ("closed", WHY)
    told, over = (await cases.events(Event))[-2:]
    assert isinstance(told, CasesMerged)
    assert (told.case_id, told.into, told.reason, told.by_role) == (case_id, survivor, WHY, "engineer")
    assert isinstance(over, CaseClosed)
    assert (over.case_id, over.reason, over.automatic) == (case_id, "merged", False)
    other = await shown(cases, survivor)
    assert (other["merged"], other["state"]) == ([str(case_id)], "acknowledged")
    assert other["number"] in (await items(cases, case_id, "notes"))[0]["text"]
    assert case["number"] in (await items(cases, survivor, "notes"))[0]["text"]


async def test_a_resolved_duplicate_is_merged_and_closes_by_no_timer(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await in_progress(cases)
    await did(cases, case_id, "resolve", {"resolution": "restarted"})
    await merged(cases, case_id, survivor)
    await cases.advance(timedelta(days=30))
    await cases.fire_timers()
    assert [each.case_id for each in await cases.events(CaseClosed)] == [case_id]


async def test_files_and_identifiers_go_with_it_and_notes_stay(cases: Harness) -> None:
    ours, theirs = {"owner": "Acme", "id": "A-1"}, {"owner": "Acme", "id": "A-2"}
    survivor = await opened(cases, external_identifiers=[ours])
    case_id = await opened(cases, external_identifiers=[ours, theirs])
    file = await a_file(cases, case_id)
    note = await did(cases, case_id, "notes", {"text": "See", "attachment_ids": [file["id"]]}, **CUSTOMER)
    case = await merged(cases, case_id, survivor)

    assert case["external_identifiers"] == []
    assert (await shown(cases, survivor))["external_identifiers"] == [ours, theirs]
    assert [each["id"] for each in await items(cases, survivor, "attachments")] == [file["id"]]
    assert note["id"] in [each["id"] for each in await items(cases, case_id, "notes")]
    for each in (case_id, survivor):
        assert (await cases.get(f"/v1/cases/{each}/attachments/{file['id']}", **CUSTOMER)).status_code == 200
    assert (await cases.get(f"/v1/cases/{uuid4()}/attachments/{file['id']}", **CUSTOMER)).status_code == 404
    other = await opened(cases, serial="SN-2")
    assert (await cases.get(f"/v1/cases/{other}/attachments/{file['id']}", **CUSTOMER)).status_code == 404


async def test_a_note_and_a_file_for_it_are_the_survivors_along_a_chain(cases: Harness) -> None:
    first, second, third = await opened(cases), await opened(cases), await opened(cases)
    await merged(cases, first, second)
    await merged(cases, second, third)
    await did(cases, third, "waits", {"wait": "customer", "note": "Which firmware?"})
    note = await did(cases, first, "notes", {"text": "4.5"}, **CUSTOMER)
    file = await a_file(cases, first, **CUSTOMER)

    assert (note["case_id"], file["case_id"]) == (str(third), str(third))
    assert (await cases.events(NoteAdded))[-1].case_id == third
    assert (await shown(cases, third))["state"] == "in_progress"  # they answered
    foreign = await cases.post(f"/v1/cases/{first}/notes", {"text": "4.5"}, **STRANGER)
    assert foreign.status_code == 404


async def test_any_other_command_is_refused_and_names_the_survivor(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await opened(cases)
    await merged(cases, case_id, survivor)
    for what, body in (
        ("assign", {}),
        ("diagnoses", a_fault()),
        ("cancel", {"reason": "they said so"}),
        ("reopen", {"reason": "they said so"}),
        ("merge", {"into": str(survivor), "reason": "they said so"}),
    ):
        refused = await cases.post(f"/v1/cases/{case_id}/{what}", body)
        assert refusal(refused) == (422, "case-closed-to-commands"), what
        assert (refused.json()["merged_into"], refused.json()["state"]) == (str(survivor), "closed")
        assert refused.json()["possible"] == ["see merged_into"]
        assert "follow_up" not in refused.json()
    circle = await merge(cases, survivor, case_id)
    assert refusal(circle) == (422, "no-such-survivor")


async def test_what_it_is_merged_into_is_another_open_case_of_the_account(cases: Harness) -> None:
    case_id = await opened(cases)
    foreign = UUID((await cases.post("/v1/cases", a_request(), **STRANGER)).json()["id"])
    over = await in_state(cases, "resolved")
    before = len(await cases.outbox())
    said = set()
    for into in (foreign, uuid4(), over, case_id):
        refused = await merge(cases, case_id, into)
        assert refusal(refused) == (422, "no-such-survivor")
        said.add(refused.json()["detail"])
    assert len(said) == 1
    assert (await merge(cases, uuid4(), case_id)).status_code == 404
    assert (await merge(cases, case_id, over, **CUSTOMER)).status_code == 403
    assert refusal(await cases.post(f"/v1/cases/{case_id}/merge", {"into": str(over)}))[0] == 422
    assert (await shown(cases, case_id))["state"] == "acknowledged"
    assert len(await cases.outbox()) == before


async def test_not_while_a_diagnosis_of_it_stands(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await opened(cases)
    diagnosis = await did(cases, case_id, "diagnoses", a_fault())
    refused = await merge(cases, case_id, survivor)
    assert refusal(refused) == (409, "diagnosis-stands")
    assert refused.json()["state"] == "in_progress"
    assert "withdraw_diagnosis" in refused.json()["possible"]
    assert refused.json()["diagnosis_id"] == diagnosis["id"]
    assert await cases.events(CasesMerged) == []
    await did(cases, case_id, f"diagnoses/{diagnosis['id']}/withdraw", {"reason": "the other one has it"})
    await merged(cases, case_id, survivor)


async def test_not_while_a_child_of_it_is_open(cases: Harness) -> None:
    case_id = await opened(cases)
    child = await opened(cases, parent_id=str(case_id), serial="SN-2")
    assert refusal(await merge(cases, case_id, child)) == (409, "children-still-open")


async def test_how_long_they_waited_counts_from_the_first_opening(cases: Harness) -> None:
    first = await opened(cases)
    await cases.advance(timedelta(hours=1))
    second = await opened(cases)
    await cases.advance(timedelta(hours=1))
    third = await opened(cases)
    began = (await shown(cases, first))["opened_at"]
    await merged(cases, first, second)
    await merged(cases, second, third)
    assert {str(each.opened_at) for each in await cases.events(CasesMerged)} == {
        str((await cases.events(CasesMerged))[0].opened_at)
    }
    assert (await shown(cases, third))["first_opened_at"] == began
    await did(cases, third, "notes", {"text": "We look into it", "visibility": "public"})
    [answered] = await cases.events(FirstResponseSent)
    assert (answered.case_id, answered.response_seconds >= 7200) == (third, True)


async def test_the_newer_one_may_be_kept_out_of_the_older_ones_clocks(cases: Harness) -> None:
    first = await opened(cases)
    await cases.advance(timedelta(hours=1))
    second = await opened(cases)
    await merged(cases, second, first)
    assert (await shown(cases, first))["first_opened_at"] is None


async def test_two_who_merge_the_two_into_each_other_do_not_wait_for_ever(cases: Harness) -> None:
    for _ in range(5):
        one, other = await opened(cases), await opened(cases)
        answers = await asyncio.gather(merge(cases, one, other), merge(cases, other, one))
        assert sorted(each.status_code for each in answers) == [200, 422]
        states = sorted([(await shown(cases, each))["state"] for each in (one, other)])
        assert states == ["acknowledged", "closed"]


async def test_an_alert_of_it_is_the_survivors(cases: Harness) -> None:
    await cases.deliver(raised := alert_raised())
    [case] = (await cases.get("/v1/cases")).json()["items"]
    survivor = await opened(cases, serial="SN-2")
    await merged(cases, UUID(case["id"]), survivor)
    await cases.deliver(alert_cleared(raised))
    assert (await shown(cases, survivor))["proposed_resolution"] is not None


async def test_why_it_was_merged_and_what_its_notes_say_can_be_taken_out(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await opened(cases)
    note = await did(cases, case_id, "notes", {"text": "another word"}, **CUSTOMER)
    assert (await merge(cases, case_id, survivor, SAID)).status_code == 200
    await redacted(cases, case_id, "fact", fact=await fact(cases), replacement="(taken out)")
    assert SAID not in await everything(cases)
    await redacted(cases, case_id, "note", note["id"])
    assert "another word" not in await everything(cases)
