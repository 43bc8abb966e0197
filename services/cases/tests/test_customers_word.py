"""What a customer says counts: it reopens a case, keeps one from closing, and ends one that is over for them."""

from datetime import timedelta

import pytest

from libs.events.cases import CaseClosed, CaseReopened, CaseResolved, CaseResumed
from libs.events.cases_work import NoteAdded
from services.cases.model.policy import THANKS
from services.cases.model.thanks import only_thanks
from services.cases.tests.builders import (
    CUSTOMER,
    LAN_ID,
    STRANGER,
    a_fault,
    at,
    did,
    in_progress,
    names,
    opened,
    part_delivered,
    part_shipped,
    resolved,
    shown,
    ticket_opened,
    ticket_resolved,
    visit_completed,
    waits_of,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal

NO = "Vẫn hỏng, xin đừng đóng!"


async def theirs(h: Harness) -> list[NoteAdded]:
    return [note for note in await h.events(NoteAdded) if note.origin == "customer"]


async def test_a_customer_who_still_has_trouble_reopens_the_case_by_a_note(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "notes", {"text": NO}, **CUSTOMER)

    case = await shown(cases, case_id)
    assert (case["state"], case["epoch"], case["closes_at"], case["assignee"]["id"]) == (
        "in_progress",
        2,
        None,
        str(LAN_ID),
    )
    assert [(c["state"], c["reason"]) for c in case["history"]][-2:] == [
        ("reopened", "customer_word"),
        ("in_progress", "customer_word"),
    ]
    assert names(await cases.events())[-2:] == ["NoteAdded", "CaseReopened"]
    [told] = await cases.events(CaseReopened)
    assert (told.reason, told.assignee_id, told.by_role) == ("customer_word", LAN_ID, "customer")
    await cases.advance(timedelta(days=30))
    assert (await shown(cases, case_id))["state"] == "in_progress"


async def test_a_case_that_nobody_has_is_reopened_and_waits_for_somebody(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "diagnoses", a_fault())
    await did(cases, case_id, "resolve", {"resolution": "replaced the camera"})
    await did(cases, case_id, "notes", {"text": NO}, **CUSTOMER)

    assert (await shown(cases, case_id))["state"] == "reopened"


@pytest.mark.parametrize("thanks", ["Thank you!", "CẢM ƠN ANH CHỊ NHIỀU Ạ", "cam on, da hoat dong tot"])
async def test_thanks_leave_a_resolved_case_as_it_is_and_it_closes(cases: Harness, thanks: str) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "notes", {"text": thanks}, **CUSTOMER)

    assert (await shown(cases, case_id))["state"] == "resolved"
    await cases.advance(timedelta(days=30))
    assert (await shown(cases, case_id))["state"] == "closed"


@pytest.mark.parametrize(
    ("text", "is_thanks"),
    [
        ("Thanks, it works now. Thank you!", True),
        ("Cám ơn", True),
        ("cam on", True),
        ("Cảm ơn các bạn rất nhiều", False),
        ("Dạ vâng, cảm ơn anh nhiều ạ.", True),
        ("Thanks for nothing", False),
        ("No thanks", False),
        ("Không cảm ơn, vẫn hỏng", False),
        ("It works not", False),
        ("👍", False),
        ("???", False),
        ("thanks " * 41, False),
        ("ok " * 40, True),
    ],
)
def test_only_a_text_that_is_thanks_as_a_whole_is_thanks(text: str, is_thanks: bool) -> None:
    assert only_thanks(text, THANKS) == is_thanks


async def test_which_words_are_thanks_is_policy(cases: Harness) -> None:
    case_id = await resolved(cases)
    body = {"settings": {"thanks": ["Merci"]}, "why": "Geneva is on board"}
    assert (await cases.post("/v1/cases-policies", body, role="manager")).status_code == 201
    await did(cases, case_id, "notes", {"text": "merci!"}, **CUSTOMER)
    assert (await shown(cases, case_id))["state"] == "resolved"

    await did(cases, case_id, "notes", {"text": "Thank you"}, **CUSTOMER)
    assert (await shown(cases, case_id))["state"] == "in_progress"


async def test_what_partners_and_the_system_write_reopens_nothing(cases: Harness) -> None:
    case_id = await resolved(cases)
    partner = {"role": "partner", "accounts": CUSTOMER["accounts"]}
    await did(cases, case_id, "notes", {"text": "It fails on our side."}, **partner)
    await did(cases, case_id, "notes", {"text": "It failed again.", "visibility": "public"})
    await cases.deliver(ticket_opened(case_id, at(1)), visit_completed(case_id, at(2)))

    assert (await shown(cases, case_id))["state"] == "resolved"
    assert {note.origin for note in await cases.events(NoteAdded)} == {"partner", "support", "system", "technician"}


async def test_a_closed_case_offers_a_follow_up_instead(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "close", {}, **CUSTOMER)

    answer = await cases.post(f"/v1/cases/{case_id}/notes", {"text": NO}, **CUSTOMER)
    assert refusal(answer) == (422, "case-closed-to-commands")
    assert answer.json()["follow_up"]["follow_up_of"] == str(case_id)


async def test_it_works_ends_the_customers_waits_and_resolves(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Does it work after a restart?"})
    case = await did(cases, case_id, "works", {"note": "Chạy rồi, sau khi khởi động lại."}, **CUSTOMER)

    assert (case["state"], waits_of(case), case["resolution"]["reason"]) == ("resolved", [], "works")
    assert [c["state"] for c in case["history"]][-3:] == ["pending", "in_progress", "resolved"]
    [note] = await theirs(cases)
    assert (note.text, note.assignee_id) == ("Chạy rồi, sau khi khởi động lại.", LAN_ID)
    assert [each.reason for each in await cases.events(CaseResumed)] == ["the customer answered"]
    [told] = await cases.events(CaseResolved)
    assert (told.automatic, told.reason, told.cause_id) == (True, "works", None)
    await cases.advance(timedelta(days=30))
    assert (await shown(cases, case_id))["state"] == "closed"


async def test_it_works_resolves_what_nobody_has_taken_up(cases: Harness) -> None:
    case = await did(cases, await opened(cases), "works", {}, **CUSTOMER)
    assert [c["state"] for c in case["history"]] == ["acknowledged", "resolved"]

    case_id = case["id"]
    await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)
    case = await did(cases, case_id, "works", {}, **CUSTOMER)
    assert [c["state"] for c in case["history"]][-2:] == ["reopened", "resolved"]
    assert len(await cases.events(CaseResolved)) == 2


async def test_it_works_closes_a_resolved_case(cases: Harness) -> None:
    case_id = await resolved(cases)
    case = await did(cases, case_id, "works", {}, **CUSTOMER)

    assert (case["state"], case["possible"]) == ("closed", ["satisfaction"])
    [told] = await cases.events(CaseClosed)
    assert (told.automatic, told.reason, told.by_role) == (False, "customer_word", "customer")
    again = await cases.post(f"/v1/cases/{case_id}/works", {}, **CUSTOMER)
    assert refusal(again) == (422, "case-closed-to-commands")


async def test_the_word_is_kept_until_the_last_wait_is_over(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(part_shipped(case_id, at(1)), ticket_opened(case_id, at(2)))
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Does it work?"})
    case = await did(cases, case_id, "works", {}, **CUSTOMER)
    assert (case["state"], waits_of(case)) == ("pending", ["part", "partner"])
    [note] = await theirs(cases)
    assert (note.text, note.assignee_id) == ("Thiết bị đã hoạt động tốt.", LAN_ID)

    await cases.deliver(part_delivered(case_id, at(60)))
    assert (await shown(cases, case_id))["state"] == "pending"
    await cases.deliver(ticket_resolved(case_id, at(70)))
    case = await shown(cases, case_id)
    assert (case["state"], case["resolution"]["reason"]) == ("resolved", "works")
    assert len(await cases.events(CaseResolved)) == 1


async def test_a_reopened_case_that_nobody_has_resolves_with_its_last_wait(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "diagnoses", a_fault())
    await did(cases, case_id, "resolve", {"resolution": "replaced the camera"})
    await cases.deliver(part_shipped(case_id, at(1)))
    await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)
    assert (await did(cases, case_id, "works", {}, **CUSTOMER))["state"] == "reopened"

    await cases.deliver(part_delivered(case_id, at(60)))
    case = await shown(cases, case_id)
    assert [c["state"] for c in case["history"]][-2:] == ["reopened", "resolved"]


async def test_who_says_more_takes_the_word_back(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(part_shipped(case_id, at(1)))
    await did(cases, case_id, "works", {}, **CUSTOMER)
    await did(cases, case_id, "notes", {"text": "Cảm ơn!"}, **CUSTOMER)
    await did(cases, case_id, "notes", {"text": "It failed again, sorry."}, **CUSTOMER)

    await cases.deliver(part_delivered(case_id, at(60)))
    assert (await shown(cases, case_id))["state"] == "in_progress"
    assert (await did(cases, case_id, "works", {}, **CUSTOMER))["state"] == "resolved"


async def test_a_wait_that_comes_to_light_takes_the_resolution_back_and_the_word_stays(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "works", {}, **CUSTOMER)
    await cases.deliver(part_shipped(case_id, at(1)))
    assert (await shown(cases, case_id))["state"] == "pending"

    await cases.deliver(part_delivered(case_id, at(60)))
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_only_the_customers_side_says_that_it_works(cases: Harness) -> None:
    case_id = await in_progress(cases)
    path = f"/v1/cases/{case_id}/works"
    assert (await cases.post(path, {})).status_code == 403
    assert (await cases.post(path, {}, role="partner", accounts=CUSTOMER["accounts"])).status_code == 403
    assert (await cases.post(path, {}, **STRANGER)).status_code == 404
    assert refusal(await cases.post(path, {"text": "x"}, **CUSTOMER)) == (422, "/text")
    assert (await cases.post(path, {}, role="reseller", accounts=CUSTOMER["accounts"])).status_code == 200


async def test_a_parent_is_not_closed_over_its_children_by_a_word(cases: Harness) -> None:
    parent = await in_progress(cases)
    await in_progress(cases, parent_id=str(parent), serial="SN-2")
    await did(cases, parent, "resolve", {"resolution": "replaced"})
    told = len(await cases.outbox())

    assert refusal(await cases.post(f"/v1/cases/{parent}/works", {}, **CUSTOMER)) == (409, "children-still-open")
    assert len(await cases.outbox()) == told
