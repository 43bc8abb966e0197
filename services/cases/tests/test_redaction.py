"""A text or file that must go is taken out of the case, once, by a manager, in every state."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.cases_work import InternalTextRedacted, TextRedacted
from services.cases.tests.builders import (
    CUSTOMER,
    a_fault,
    at,
    did,
    in_progress,
    opened,
    resolved,
    shown,
    ticket_opened,
    ticket_updated,
)
from services.cases.tests.test_attachments import CONTENT, send
from tests.support.harness import Harness
from tests.support.refusals import refusal

WHY = {"reason": "a password"}


async def redacted(h: Harness, case_id: UUID, what: str, id: Any = None, **more: Any) -> dict[str, Any]:
    return await did(h, case_id, "redact", {"what": what, "text_id": id and str(id), **WHY, **more}, role="manager")


async def notes(h: Harness, case_id: UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await h.get(f"/v1/cases/{case_id}/notes")).json()["items"]
    return found


async def test_a_note_says_what_stands_instead_and_who_took_what_it_said_out(cases: Harness) -> None:
    case_id = await opened(cases)
    note = await did(cases, case_id, "notes", {"text": "It is hunter2"}, **CUSTOMER)
    etag = (await cases.get(f"/v1/cases/{case_id}")).headers["etag"]
    await redacted(cases, case_id, "note", note["id"], replacement="(a password)")
    [now] = await notes(cases, case_id)
    assert now == note | {"text": "(a password)", "redacted": now["redacted"]}
    assert now["redacted"] == {"at": now["redacted"]["at"], "by": now["redacted"]["by"], "reason": "a password"}
    assert now["redacted"]["by"].startswith("manager:")
    [told] = await cases.events(TextRedacted)
    assert (told.case_id, told.what, str(told.id), told.replacement) == (case_id, "note", note["id"], "(a password)")
    assert (await cases.get(f"/v1/cases/{case_id}")).headers["etag"] != etag


async def test_twice_is_once_and_another_replacement_is_news(cases: Harness) -> None:
    case_id = await opened(cases)
    note = await did(cases, case_id, "notes", {"text": "It is hunter2"}, **CUSTOMER)
    for _ in range(2):
        await redacted(cases, case_id, "note", note["id"])
    assert len(await cases.events(TextRedacted)) == 1
    await redacted(cases, case_id, "note", note["id"], replacement="(a password)")
    assert [each.replacement for each in await cases.events(TextRedacted)] == [None, "(a password)"]
    [now] = await notes(cases, case_id)
    assert now["text"] == "(a password)"


async def test_what_only_we_could_see_is_told_to_us_alone(cases: Harness) -> None:
    case_id = await opened(cases)
    note = await did(cases, case_id, "notes", {"text": "It is hunter2", "visibility": "internal"})
    await redacted(cases, case_id, "note", note["id"])
    assert (await cases.events(TextRedacted), len(await cases.events(InternalTextRedacted))) == ([], 1)


@pytest.mark.parametrize("role", ["engineer", "customer", "ops", "technician"])
async def test_only_managers_and_admins_take_out(cases: Harness, role: str) -> None:
    case_id = await opened(cases)
    who = CUSTOMER if role == "customer" else {"role": role}
    answer = await cases.post(f"/v1/cases/{case_id}/redact", {"what": "description", **WHY}, **who)
    assert answer.status_code == 403


@pytest.mark.parametrize("what", ["note", "finding", "file", "wait", "description", "resolution"])
async def test_of_another_case_and_of_none_nothing_is_taken_out(cases: Harness, what: str) -> None:
    case_id, other = await in_progress(cases), await in_progress(cases, serial="SN-2")
    note = await did(cases, other, "notes", {"text": "It is hunter2"})
    diagnosis = await did(cases, other, "diagnoses", a_fault())
    wait = await did(cases, other, "waits", {"wait": "part", "note": "It is hunter2"})
    file = (await send(cases, other, files={"file": ("a.txt", CONTENT)})).json()
    ids = {"note": note, "finding": diagnosis, "file": file, "wait": wait}
    for id in (ids[what]["id"] if what in ids else str(other), str(uuid4())):
        answer = await cases.post(f"/v1/cases/{case_id}/redact", {"what": what, "text_id": id, **WHY}, role="manager")
        assert refusal(answer) == (422, "no-such-text")


async def test_description_and_resolution_go_with_what_the_history_repeats(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)
    await did(cases, case_id, "resolve", {"resolution": "set it to hunter2"})
    await redacted(cases, case_id, "resolution", replacement="(as agreed)")
    case = await redacted(cases, case_id, "description")
    assert (case["description"], case["resolution"]["text"]) == ("", "(as agreed)")
    assert case["description_redacted"]
    assert case["resolution"]["redacted"]
    assert [each["reason"] for each in case["history"] if each["state"] == "resolved"] == ["(as agreed)"] * 2


async def test_a_closed_case_gives_a_finding_up_too(cases: Harness) -> None:
    case_id = await in_progress(cases)
    diagnosis = await did(cases, case_id, "diagnoses", a_fault())
    await did(cases, case_id, "resolve", {"resolution": "replaced"})
    await did(cases, case_id, "close", {}, **CUSTOMER)
    await redacted(cases, case_id, "finding", diagnosis["id"])
    [now] = (await cases.get(f"/v1/cases/{case_id}/diagnoses")).json()["items"]
    assert (now["findings"], now["redacted"]["reason"]) == ("", "a password")


async def test_what_was_asked_of_the_customer_goes_from_the_wait_too(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Is it hunter2?"})
    [note] = await notes(cases, case_id)
    case = await redacted(cases, case_id, "note", note["id"])
    assert "hunter2" not in str(await shown(cases, case_id)) + str(case)
    assert [(told.what, str(told.id)) for told in await cases.events(TextRedacted)] == [
        ("note", note["id"]),
        ("wait", case["waits"][0]["id"]),
    ]


async def test_a_note_that_tells_a_foreign_fact_again_names_that_fact(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)))
    told = cases.delivery(ticket_updated(case_id, at(2), text="It is hunter2"))
    await cases.deliver(told)
    note = next(each for each in await notes(cases, case_id) if "hunter2" in each["text"])
    await redacted(cases, case_id, "note", note["id"])
    [event] = await cases.events(TextRedacted)
    assert event.source_id == told.event_id


async def test_the_bytes_of_a_file_go_unless_another_has_the_same(cases: Harness) -> None:
    case_id = await opened(cases)
    first, second = [(await send(cases, case_id, files={"file": ("a.txt", CONTENT)})).json() for _ in range(2)]
    path = f"/v1/cases/{case_id}/attachments"
    await redacted(cases, case_id, "file", first["id"], replacement="(a password)")
    await cases.fire_timers()
    gone = await cases.get(f"{path}/{first['id']}", **CUSTOMER)
    assert (gone.status_code, gone.json()["redacted"]["reason"]) == (404, "a password")
    assert (await cases.get(f"{path}/{second['id']}", **CUSTOMER)).content == CONTENT
    shown_now = {each["id"]: each for each in (await cases.get(path)).json()["items"]}
    assert [shown_now[first["id"]][name] for name in ("file_name", "sha256", "size")] == ["(a password)", "", 0]
    await redacted(cases, case_id, "file", second["id"])
    await cases.fire_timers()
    again = (await send(cases, case_id, files={"file": ("a.txt", CONTENT)})).json()
    assert (await cases.get(f"{path}/{again['id']}", **CUSTOMER)).content == CONTENT
