"""An engineer says that it is over, asks before they have the case, and writes to their own side unless they say otherwise."""

from libs.events.cases import CaseResolved, CaseResumed
from libs.events.cases_work import FirstResponseSent, InternalNoteAdded, NoteAdded
from services.cases.tests.builders import (
    CUSTOMER,
    a_fault,
    at,
    did,
    in_progress,
    names,
    opened,
    part_delivered,
    part_shipped,
    shown,
    ticket_opened,
    waits_of,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal


async def test_what_is_waited_for_still_refuses_the_resolution_and_is_named(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)))
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Which firmware?"})
    told = len(await cases.outbox())
    refused = await cases.post(f"/v1/cases/{case_id}/resolve", {"resolution": "restarted"})

    assert refusal(refused) == (409, "waits-still-stand")
    assert "resolve" in refused.json()["possible"]
    standing = [{"id": w["id"], "kind": w["kind"]} for w in (await shown(cases, case_id))["waits"]]
    assert refused.json()["waits"] == standing
    assert len(await cases.outbox()) == told


async def test_the_same_command_can_end_them(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(part_shipped(case_id, at(1)))
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Which firmware?"})
    case = await did(cases, case_id, "resolve", {"resolution": "restarted", "end_waits": True})

    assert (case["state"], waits_of(case)) == ("resolved", [])
    assert [c["state"] for c in case["history"]][-3:] == ["pending", "in_progress", "resolved"]
    assert {w["end_reason"] for w in case["waits"]} == {"resolved"}
    assert {each.wait: each.waits for each in await cases.events(CaseResumed)} == {"part": [], "customer": []}
    assert names(await cases.events())[-1] == "CaseResolved"
    await cases.deliver(part_delivered(case_id, at(60)))
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_what_the_engineer_says_counts_though_the_customer_said_that_it_works(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(part_shipped(case_id, at(1)))
    await did(cases, case_id, "works", {}, **CUSTOMER)
    case = await did(cases, case_id, "resolve", {"resolution": "restarted", "end_waits": True})

    assert (case["resolution"]["text"], case["resolution"]["automatic"]) == ("restarted", False)
    assert len(await cases.events(CaseResolved)) == 1


async def test_a_resolution_is_the_first_response_to_whoever_heard_nothing_before(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "notes", {"text": "looks like the camera"})
    case = await did(cases, case_id, "resolve", {"resolution": "It was muted: press the button."})

    [told] = await cases.events(FirstResponseSent)
    assert (told.note_id, case["first_response_at"] is not None) == (None, True)
    assert names(await cases.events())[-2:] == ["FirstResponseSent", "CaseResolved"]
    await did(cases, case_id, "reopen", {"reason": "muted again"}, **CUSTOMER)
    await did(cases, case_id, "resolve", {"resolution": "replaced"})
    assert len(await cases.events(FirstResponseSent)) == 1


async def test_the_customers_word_is_no_response_of_ours(cases: Harness) -> None:
    await did(cases, await opened(cases), "works", {}, **CUSTOMER)
    assert await cases.events(FirstResponseSent) == []


async def test_a_note_of_ours_is_internal_unless_we_say_otherwise_and_the_customers_is_public(cases: Harness) -> None:
    case_id = await in_progress(cases)
    ours = await did(cases, case_id, "notes", {"text": "the customer is upset"})
    theirs = await did(cases, case_id, "notes", {"text": "still down"}, **CUSTOMER)
    partners = await did(cases, case_id, "notes", {"text": "we look"}, role="partner", accounts=CUSTOMER["accounts"])

    assert [each["visibility"] for each in (ours, theirs, partners)] == ["internal", "public", "public"]
    assert len(await cases.events(InternalNoteAdded)) == 1
    assert len(await cases.events(NoteAdded)) == 2


async def test_what_the_customer_has_to_read_is_public(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Which firmware?"})
    etag = (await cases.get(f"/v1/cases/{case_id}")).headers["etag"]
    later = {"expected_resolution_at": "2099-12-01T09:00:00+07:00", "note": "the part comes Monday"}
    assert (await cases.patch(f"/v1/cases/{case_id}", later, etag=etag)).status_code == 200

    assert [each.text for each in await cases.events(NoteAdded)] == ["Which firmware?", "the part comes Monday"]


async def test_a_question_can_be_asked_before_anybody_has_the_case(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Which firmware?"})
    case = await shown(cases, case_id)
    assert (case["state"], case["assignee"], waits_of(case)) == ("pending", None, ["customer"])
    assert len(await cases.events(FirstResponseSent)) == 1

    await did(cases, case_id, "notes", {"text": "4.7.1"}, **CUSTOMER)
    assert (await shown(cases, case_id))["state"] == "in_progress"


async def test_whoever_has_a_reopened_case_works_on_it_at_once(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "resolve", {"resolution": "restarted"})
    await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)

    assert {"resolve", "waits", "diagnoses", "cancel"} <= set((await shown(cases, case_id))["possible"])
    await did(cases, case_id, "diagnoses", a_fault())
    assert (await did(cases, case_id, "resolve", {"resolution": "replaced"}))["state"] == "resolved"
