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
from tests.support.taking_out import SAID, everything, fact_saying, forget_outbox

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


async def assessed(h: Harness) -> UUID:
    """The customer asked to cancel it."""
    case_id = await opened(h)
    await did(h, case_id, "cancel", {"reason": "it works again"}, **CUSTOMER)
    return case_id


COMMANDS: dict[str, tuple[Any, str, dict[str, Any], str]] = {
    "severity": (in_progress, "severity", {"severity": "minor", "reason": SAID}, "engineer"),
    "override": (opened, "coverage-override", {"covered": True, "reason": SAID}, "manager"),
    "cancel": (opened, "cancel", {"reason": SAID}, "customer"),
    "keep": (assessed, "cancellation", {"decision": "withdraw", "reason": SAID}, "customer"),
    "close": (resolved, "close", {"reason": SAID}, "customer"),
    "reopen": (resolved, "reopen", {"reason": SAID}, "customer"),
    "workaround": (
        in_progress,
        "workaround",
        {"text": "restart it", "appropriate_because": SAID},
        "engineer",
    ),
    "assign": (opened, "assign", {"reason": SAID}, "engineer"),
}


async def fact(h: Harness, words: str = SAID) -> dict[str, str]:
    """As its entry of the timeline names it."""
    row = await fact_saying(h, words)
    return {"event_id": str(row["event_id"]), "type": row["type"], "time": row["time"].isoformat()}


@pytest.mark.parametrize("outbox", ["kept", "gone"])
@pytest.mark.parametrize("what", COMMANDS)
async def test_what_was_typed_with_a_command_goes_with_the_fact_that_told_it(
    cases: Harness, what: str, outbox: str
) -> None:
    before, path, body, role = COMMANDS[what]
    case_id = await before(cases)
    await did(cases, case_id, path, body, **(CUSTOMER if role == "customer" else {"role": role, "person_id": uuid4()}))
    named = await fact(cases)
    if outbox == "gone":
        await forget_outbox(cases)
    await redacted(cases, case_id, "fact", fact=named, replacement="(taken out)")
    assert SAID not in await everything(cases)
    told = next(row for row in await cases.outbox() if row["type"] == TextRedacted.contract.ce_type)
    assert str(TextRedacted.model_validate_json(told["data"]).id) == named["event_id"]


async def test_why_a_diagnosis_was_withdrawn_and_why_a_wait_ended_go_too(cases: Harness) -> None:
    case_id = await in_progress(cases)
    diagnosis = await did(cases, case_id, "diagnoses", a_fault())
    await did(cases, case_id, f"diagnoses/{diagnosis['id']}/withdraw", {"reason": SAID})
    await redacted(cases, case_id, "fact", fact=await fact(cases))
    assert SAID not in await everything(cases)
    wait = await did(cases, case_id, "waits", {"wait": "part"})
    await did(cases, case_id, f"waits/{wait['id']}/end", {"reason": SAID})
    await redacted(cases, case_id, "fact", fact=await fact(cases))
    assert SAID not in await everything(cases)


async def test_what_a_partner_is_to_be_told_goes_and_another_reason_stays(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "severity", {"severity": "minor", "reason": "it is not that bad"})
    await did(cases, case_id, "diagnoses", a_fault(remedy="partner_ticket", partner_id=str(uuid4())))
    await did(cases, case_id, "partner-ticket-request", {"consent": True, "message": SAID}, **CUSTOMER)
    await redacted(cases, case_id, "fact", fact=await fact(cases), replacement="(taken out)")
    left = await everything(cases)
    assert SAID not in left
    assert "it is not that bad" in left


async def test_a_note_that_tells_a_fact_again_goes_with_the_fact(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)))
    told = cases.delivery(ticket_updated(case_id, at(2), text=SAID), at=at(2))
    await cases.deliver(told)
    named = {"event_id": str(told.event_id), "type": told.type, "time": at(2).isoformat()}
    await redacted(cases, case_id, "fact", fact=named)
    assert SAID not in await everything(cases)
    assert [each.what for each in await cases.events(TextRedacted)] == ["fact", "note"]


@pytest.mark.parametrize(
    ("type", "internal"),
    [("polyplus.rma.part-lost.v1", False), ("polyplus.escalation.escalation-handed-over.v2", True)],
)
async def test_a_foreign_fact_is_taken_out_before_those_who_could_see_it(
    cases: Harness, type: str, internal: bool
) -> None:
    case_id = await in_progress(cases)
    named = {"event_id": str(uuid4()), "type": type, "time": at(1).isoformat()}
    await redacted(cases, case_id, "fact", fact=named)
    told = [len(await cases.events(each)) for each in (TextRedacted, InternalTextRedacted)]
    assert told == ([0, 1] if internal else [1, 0])


@pytest.mark.parametrize(
    "type", ["polyplus.rma.part-shipped.v2", "polyplus.none.such.v1", "polyplus.cases.note-added.v2"]
)
async def test_a_fact_in_which_nobody_types_is_refused(cases: Harness, type: str) -> None:
    case_id = await in_progress(cases)
    named = {"event_id": str(uuid4()), "type": type, "time": at(1).isoformat()}
    answer = await cases.post(f"/v1/cases/{case_id}/redact", {"what": "fact", "fact": named, **WHY}, role="manager")
    assert refusal(answer) == (422, "no-such-text")
    for body in ({"what": "fact", "text_id": str(uuid4())}, {"what": "description", "fact": named}):
        answer = await cases.post(f"/v1/cases/{case_id}/redact", {**body, **WHY}, role="manager")
        assert answer.status_code == 422
