"""Something else that was said in a case goes on as one of its own; what is taken out of the one is taken out of the other."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events import Event
from libs.events.cases import CaseOpened, CaseRouted, CaseSplit
from libs.events.cases_work import FirstResponseSent, InternalNoteAdded, NoteAdded
from services.cases.model.lifecycle import CaseState
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    STRANGER,
    a_fault,
    coverage,
    did,
    in_progress,
    opened,
    resolved,
    shown,
    waits_of,
)
from services.cases.tests.test_lifecycle import in_state
from services.cases.tests.test_merging import items, merged
from services.cases.tests.test_redaction import redacted
from tests.support.harness import Harness
from tests.support.refusals import refusal

BODY = {"description": "The speaker hums", "reason": "it is another matter"}


async def split(h: Harness, case_id: UUID, **fields: Any) -> Any:
    who = fields.pop("who", {})
    return await h.post(f"/v1/cases/{case_id}/split", {**BODY, **fields}, **who)


async def parted(h: Harness, case_id: UUID, **fields: Any) -> UUID:
    answer = await split(h, case_id, **fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/cases/{answer.json()['id']}"
    return UUID(answer.json()["id"])


async def said(h: Harness, case_id: UUID, text: str, **fields: Any) -> dict[str, Any]:
    who = fields.pop("who", CUSTOMER)
    return await did(h, case_id, "notes", {"text": text, **fields}, **who)


async def sent(h: Harness, case_id: UUID, content: str = "hum", visibility: str = "public") -> dict[str, Any]:
    query = f"file_name=a.txt&visibility={visibility}"
    answer = await h.post(f"/v1/cases/{case_id}/attachments?{query}", {"it": content})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def copies(h: Harness, case_id: UUID, what: str = "notes") -> list[dict[str, Any]]:
    found = (await h.get(f"/v1/cases/{case_id}/{what}")).json()["items"]
    return [each for each in reversed(found) if each["repeats"]]


@pytest.mark.promise("S18")
@pytest.mark.parametrize("state", ["acknowledged", "in_progress", "pending", "resolved", "assessing_cancellation"])
async def test_what_is_split_is_a_case_as_any_and_the_first_stays_as_it_is(cases: Harness, state: CaseState) -> None:
    case_id = await in_state(cases, state)
    before, told = await shown(cases, case_id), len(await cases.events())
    new_id = await parted(cases, case_id)

    new, old = await shown(cases, new_id), await shown(cases, case_id)
    assert (new["state"], new["assignee"], new["coverage"]["status"]) == ("acknowledged", None, "pending")
    assert new["number"] not in (None, old["number"])
    same = ("account_id", "product_number", "serial", "site_id", "contact_id", "language", "channel", "observed_impact")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert (new["customer_severity"], new["description"]) == (old["customer_severity"], "The speaker hums")
    assert (new["split_from"], old["split_into"]) == (str(case_id), [str(new_id)])
    stays = ("state", "waits", "history", "assignee", "resolution", "description")
    assert {name: old[name] for name in stays} == {name: before[name] for name in stays}
    events: list[Event] = (await cases.events())[told:]
    begun = events[0]
    assert isinstance(begun, CaseOpened)
    assert (begun.case_id, begun.split_from, begun.by_role) == (new_id, case_id, "engineer")
    assert isinstance(events[-1], CaseSplit)
    assert (events[-1].case_id, events[-1].into, events[-1].reason) == (case_id, new_id, BODY["reason"])
    assert [each.case_id for each in events if isinstance(each, CaseRouted)] == [new_id]
    assert new["number"] in (await items(cases, case_id, "notes"))[0]["text"]
    assert old["number"] in (await items(cases, new_id, "notes"))[0]["text"]


async def test_the_new_case_is_covered_by_its_own_decision(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(coverage(case_id))
    new_id = await parted(cases, case_id)
    await cases.deliver(coverage(new_id, covered=False, reason="contract_expired", onsite=False))
    covered = [(await shown(cases, each))["coverage"]["status"] for each in (case_id, new_id)]
    assert covered == ["covered", "not_covered"]


async def test_what_was_split_is_no_likely_duplicate_of_the_first(cases: Harness) -> None:
    case_id = await in_progress(cases)
    new_id = await parted(cases, case_id)
    third = await opened(cases)
    assert (await shown(cases, new_id))["duplicate_of"] == []
    assert (await shown(cases, third))["duplicate_of"] == [str(case_id), str(new_id)]
    for each in (case_id, new_id):
        await did(cases, each, "correct", {"serial": "SN-9", "product_number": "83Z52AA", "reason": "the wrong one"})
        assert (await shown(cases, each))["duplicate_of"] == []


async def test_chosen_notes_and_their_files_are_copied_as_they_were_said_and_told(cases: Harness) -> None:
    case_id = await in_progress(cases)
    named, alone, hidden, left = [await sent(cases, case_id, f"{n}") for n in range(4)]
    theirs = await said(cases, case_id, "It hums, too", attachment_ids=[named["id"]])
    ours = await said(cases, case_id, "Heard it", who={}, attachment_ids=[hidden["id"]])
    await said(cases, case_id, "Not of this")
    told, replies = len(await cases.events()), len(await cases.events(FirstResponseSent))
    new_id = await parted(cases, case_id, note_ids=[ours["id"], theirs["id"]], attachment_ids=[alone["id"]])

    found = await copies(cases, new_id)
    assert [each["repeats"] for each in found] == [theirs["id"], ours["id"]]
    as_said = ("text", "origin", "visibility", "by", "by_role", "author_name", "added_at", "language")
    for copy, first in zip(found, (theirs, ours), strict=True):
        assert {name: copy[name] for name in as_said} == {name: first[name] for name in as_said}
    files = {each["repeats"]: each for each in await copies(cases, new_id, "attachments")}
    assert files.keys() == {named["id"], alone["id"], hidden["id"]}
    assert [each["attachment_ids"] for each in found] == [[files[named["id"]]["id"]], [files[hidden["id"]]["id"]]]
    for each in files.values():
        got = await cases.get(f"/v1/cases/{new_id}/attachments/{each['id']}")
        assert (got.status_code, got.headers["x-sha256"]) == (200, each["sha256"])
    public = [each for each in await cases.events(NoteAdded) if each.repeats]
    internal = [each for each in await cases.events(InternalNoteAdded) if each.repeats]
    assert [(each.case_id, str(each.repeats), each.text) for each in public] == [(new_id, theirs["id"], "It hums, too")]
    assert [(each.case_id, str(each.repeats), each.text) for each in internal] == [(new_id, ours["id"], "Heard it")]
    assert len(await cases.events(FirstResponseSent)) == replies, "nobody has answered in the new case yet"
    assert left["id"] in [each["id"] for each in await items(cases, case_id, "attachments")]
    assert [each.text for each in (await cases.events(NoteAdded)) if each.text == "It hums, too"] == [
        "It hums, too"
    ] * 2
    assert len(await cases.events()) > told
    assert [each["text"] for each in await items(cases, new_id, "notes") if each["repeats"]] == ["It hums, too"]
    found_by_words = (await cases.get("/v1/cases?q=It hums", **CUSTOMER)).json()["items"]
    assert {each["id"] for each in found_by_words} == {str(case_id), str(new_id)}


async def test_diagnoses_parts_and_waits_stay(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "diagnoses", a_fault())
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Which firmware?"})
    [asked] = [each for each in await items(cases, case_id, "notes") if each["origin"] == "support"]
    new_id = await parted(cases, case_id, note_ids=[asked["id"]])
    assert (waits_of(await shown(cases, case_id)), waits_of(await shown(cases, new_id))) == (["customer"], [])
    diagnoses = [(await cases.get(f"/v1/cases/{each}/diagnoses")).json()["items"] for each in (case_id, new_id)]
    assert [len(each) for each in diagnoses] == [1, 0]


async def test_only_what_the_case_has_and_nobody_took_out_is_copied(cases: Harness) -> None:
    case_id, other = await in_progress(cases), await opened(cases, serial="SN-2")
    gone, foreign = await said(cases, case_id, "It is hunter2"), await said(cases, other, "another case")
    file, elsewhere = await sent(cases, case_id), await sent(cases, other, "else")
    naming = await said(cases, case_id, "see the file", attachment_ids=[file["id"]])
    await redacted(cases, case_id, "note", gone["id"])
    await redacted(cases, case_id, "file", file["id"])
    before = len(await cases.outbox())
    for what, ids in (("note_ids", (gone, foreign)), ("attachment_ids", (file, elsewhere))):
        for id in [*(each["id"] for each in ids), str(uuid4())]:
            answer = await split(cases, case_id, **{what: [id]})
            assert (refusal(answer), answer.json()["missing"]) == ((422, "nothing-to-copy"), [id])
    assert len(await cases.outbox()) == before
    new_id = await parted(cases, case_id, note_ids=[naming["id"]])
    assert [each["attachment_ids"] for each in await copies(cases, new_id)] == [[]]


async def test_it_may_be_about_another_unit_and_of_another_weight(cases: Harness) -> None:
    case_id = await in_progress(cases)
    other = {"product_number": "83Z52AA", "serial": "sn-2", "severity": "minor", "observed_impact": "degraded"}
    new = await shown(cases, await parted(cases, case_id, **other))
    assert (new["serial"], new["customer_severity"], new["severity"], new["priority"]) == (
        "SN-2",
        "minor",
        "minor",
        "P4",
    )
    assert (new["observed_impact"], new["family"]) == ("degraded", None)
    none = await shown(cases, await parted(cases, case_id, no_product_reason="the whole room"))
    assert (none["serial"], none["no_product_reason"]) == (None, "the whole room")
    half = await split(cases, case_id, serial="SN-3")
    assert refusal(half) == (422, "give product_number and serial together")
    without = await opened(cases, product_number=None, serial=None, no_product_reason="not at hand")
    assert refusal(await split(cases, without)) == (422, "which-unit")
    assert "not at hand" not in str(await shown(cases, await parted(cases, without, **other)))


@pytest.mark.parametrize("field", ["description", "reason"])
async def test_it_has_words_and_a_reason_of_its_own(cases: Harness, field: str) -> None:
    answer = await split(cases, await in_progress(cases), **{field: ""})
    assert refusal(answer) == (422, f"/{field}")


async def test_a_case_that_is_over_is_not_split_and_says_where_it_goes_on(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await opened(cases)
    await merged(cases, case_id, survivor)
    answer = await split(cases, case_id)
    assert (refusal(answer), answer.json()["merged_into"]) == ((422, "case-closed-to-commands"), str(survivor))
    closed = await resolved(cases, serial="SN-2")
    await did(cases, closed, "close")
    answer = await split(cases, closed)
    assert (refusal(answer), answer.json()["follow_up"]["follow_up_of"]) == (
        (422, "case-closed-to-commands"),
        str(closed),
    )
    assert await cases.events(CaseSplit) == []


@pytest.mark.parametrize("role", ["customer", "reseller", "partner", "integrator", "ops", "depot", "technician"])
async def test_only_those_who_work_on_cases_split_them(cases: Harness, role: str) -> None:
    case_id = await in_progress(cases)
    assert (await split(cases, case_id, who={"role": role, "accounts": [ACCOUNT]})).status_code == 403


async def test_both_sides_see_where_it_goes_on(cases: Harness) -> None:
    case_id = await in_progress(cases)
    new_id = await parted(cases, case_id)
    told = (await cases.get(f"/v1/cases/{case_id}", **CUSTOMER)).json()
    assert told["split_into"] == [str(new_id)]
    assert (await cases.get(f"/v1/cases/{new_id}", **CUSTOMER)).json()["split_from"] == str(case_id)
    assert (await cases.get(f"/v1/cases/{new_id}", **STRANGER)).status_code == 404


async def test_a_repeat_with_its_key_splits_once(cases: Harness) -> None:
    case_id = await in_progress(cases)
    answers = [await cases.post(f"/v1/cases/{case_id}/split", BODY, key="k") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert (len(await cases.events(CaseSplit)), len(await cases.events(CaseOpened))) == (1, 2)
    other = await cases.post(f"/v1/cases/{case_id}/split", {**BODY, "reason": "another"}, key="k")
    assert refusal(other) == (422, "idempotency-key-reused")
