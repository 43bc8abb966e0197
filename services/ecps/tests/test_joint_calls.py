"""Calls with the partner and the customer, with a ticket or without (S10); the findings document (S6, S9)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import icalendar
import pytest

from libs.events import Event
from libs.events.ecps_calls import JointCallCancelled, JointCallHeld, JointCallRequested, JointCallScheduled
from libs.events.gateway import PersonState
from libs.store.ids import new_id
from services.ecps.tests.builders import (
    ACCOUNT,
    AN,
    CHAU,
    CONTACT,
    OTHER_ACCOUNT,
    PARTNER,
    ACase,
    a_case_with_wish,
    a_partner,
)
from tests.support.harness import Harness

CUSTOMER: dict[str, Any] = {"role": "customer", "accounts": [ACCOUNT]}


async def a_call(ecps: Harness, case: ACase) -> str:
    body = {"case_id": str(case.id), "partner_id": str(PARTNER), "purpose": "Look at it together"}
    answer = await ecps.post("/v1/joint-calls", body, **CUSTOMER)
    assert answer.status_code == 201, answer.text
    return f"/v1/joint-calls/{answer.json()['id']}"


async def schedule(ecps: Harness, path: str, hours: int, *, person_id: UUID | None = None, **fields: Any) -> Any:
    starts = (await ecps.now()).replace(microsecond=0) + timedelta(hours=hours)
    window = {"starts": starts.isoformat(), "ends": (starts + timedelta(hours=1)).isoformat()}
    who = {"person_id": person_id} if person_id else {}
    return await ecps.post(f"{path}/schedule", {"window": window, "level": 1, **fields}, **who)


@pytest.mark.promise("S10")
async def test_a_call_needs_no_ticket_and_its_outcome_is_recorded(ecps: Harness) -> None:
    await a_partner(ecps)
    await ecps.learn({CONTACT: AN})
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    too_early = await ecps.get(f"{path}/calendar.ics", **CUSTOMER)
    assert (too_early.status_code, too_early.json()["detail"]) == (409, "The call has no time yet.")
    not_held = await ecps.post(f"{path}/held", {"outcome": "too early"})
    assert (not_held.status_code, not_held.json()["possible"]) == (409, ["cancelled", "scheduled"])
    no_level = await schedule(ecps, path, 2, level=7)
    assert (no_level.status_code, no_level.json()["levels"]) == (422, 2)
    assert (await schedule(ecps, path, 2)).status_code == 200
    assert (await schedule(ecps, path, 3, join_url="https://meet.example/1")).status_code == 200

    file = await ecps.get(f"{path}/calendar.ics", **CUSTOMER)
    [invitation] = icalendar.Calendar.from_ical(file.text).events
    assert b"DTSTART;TZID=Asia/Ho_Chi_Minh:" in file.content
    assert invitation["SEQUENCE"] == 1
    assert {str(a) for a in invitation.attendees} == {"mailto:an@acme.example", "mailto:lead@cloud.example"}
    assert (str(invitation["ORGANIZER"]), invitation["ORGANIZER"].params["CN"]) == (
        "mailto:support@polyplus.example",
        "Poly+ support",
    )

    contact = str(new_id())
    owners = {"Cloud": "partner", "support": "support", "chị an": str(CONTACT), contact: contact, "Bác Ba": None}
    actions = [{"what": "Correct the policy", "owner": owner} for owner in owners]
    held = await ecps.post(f"{path}/held", {"outcome": "Found it", "actions": actions})
    assert held.json()["state"] == "held"
    assert [each["owner"] for each in held.json()["actions"]] == ["Cloud", "support", "Chị An", None, "Bác Ba"]
    [requested] = await ecps.events(JointCallRequested)
    scheduled = await ecps.events(JointCallScheduled)
    [done] = await ecps.events(JointCallHeld)
    assert requested.engagement_id is None
    assert [(s.sequence, s.level, s.time_zone) for s in scheduled] == [
        (0, 1, "Asia/Ho_Chi_Minh"),
        (1, 1, "Asia/Ho_Chi_Minh"),
    ]
    assert scheduled[1].window.starts == invitation.start
    assert (done.outcome, done.actions[0].what) == ("Found it", "Correct the policy")
    told = done.model_dump(mode="json")
    assert [each["owner"] for each in told["actions"]] == [*owners.values()]
    assert (await ecps.get(path, **CUSTOMER)).json()["join_url"] == "https://meet.example/1"
    events: list[Event] = await ecps.events()
    facts = "".join(event.model_dump_json() for event in events)
    assert not [name for name in ("Chị An", "acme.example", "Bác Ba", "meet.example", "Duty lead") if name in facts]


async def test_a_cancelled_case_ends_its_calls(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    path = await a_call(ecps, case)
    await schedule(ecps, path, 2)
    await ecps.deliver(case.cancelled())
    [event] = icalendar.Calendar.from_ical((await ecps.get(f"{path}/calendar.ics")).text).events
    assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 1)
    [told] = await ecps.events(JointCallCancelled)
    assert (told.reason, told.sequence, told.by_role) == ("not needed", 1, "engineer")
    too_late = await schedule(ecps, path, 3)
    assert (too_late.status_code, too_late.json()["state"]) == (422, "cancelled")
    assert (await ecps.post(f"{path}/held", {"outcome": "?"})).json()["possible"] == []


async def invitation(ecps: Harness, path: str, **who: Any) -> Any:
    answer = await ecps.get(f"{path}/calendar.ics", **(who or CUSTOMER))
    assert answer.status_code == 200, answer.text
    calendar = icalendar.Calendar.from_ical(answer.text)
    [event] = calendar.events
    assert (calendar.errors, event.errors) == ([], [])
    return calendar["METHOD"], event


@pytest.mark.promise("S10")
async def test_a_cancelled_call_takes_its_invitation_back(ecps: Harness) -> None:
    await a_partner(ecps)
    await ecps.learn({CONTACT: AN})
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path, never = await a_call(ecps, case), await a_call(ecps, case)
    await schedule(ecps, path, 2, join_url="https://meet.example/1")
    method, before = await invitation(ecps, path)
    assert (method, before["STATUS"], before["SEQUENCE"]) == ("REQUEST", "CONFIRMED", 0)

    stranger = {"role": "customer", "accounts": [OTHER_ACCOUNT]}
    assert (await ecps.post(f"{path}/cancel", {"reason": "mine"}, **stranger)).status_code == 404
    assert (await ecps.post(f"{path}/cancel", {}, **CUSTOMER)).status_code == 422
    for role in ("partner", "depot", "technician"):
        assert (await ecps.post(f"{path}/cancel", {"reason": "mine"}, role=role)).status_code in (403, 404)
    assert (await ecps.post(f"{path}/cancel", {"reason": "Đã ổn"}, **CUSTOMER)).json()["state"] == "cancelled"
    assert (await ecps.post(f"{never}/cancel", {"reason": "Đã ổn"})).status_code == 200

    method, after = await invitation(ecps, path)
    assert (method, after["STATUS"], after["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)
    assert (after["UID"], after["ORGANIZER"], after.start) == (before["UID"], before["ORGANIZER"], before.start)
    assert [str(each) for each in after.attendees] == [str(each) for each in before.attendees]
    told = await ecps.events(JointCallCancelled)
    assert [(e.sequence, e.window is not None, e.by_role) for e in told] == [
        (1, True, "customer"),
        (None, False, "engineer"),
    ]
    again = await ecps.post(f"{path}/cancel", {"reason": "again"}, **CUSTOMER)
    assert (again.status_code, again.json()["possible"]) == (409, [])
    assert (await schedule(ecps, path, 3)).status_code == 409


async def test_a_call_of_a_case_that_is_over_can_still_be_cancelled(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    path = await a_call(ecps, case)
    await ecps.deliver(case.closed())
    assert (await ecps.post(f"{path}/cancel", {"reason": "over"})).json()["state"] == "cancelled"


async def test_a_time_that_has_begun_is_refused(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    path = await a_call(ecps, case)
    past = await schedule(ecps, path, -1)
    assert (past.status_code, past.json()["type"]) == (422, "urn:polyplus:problem:time-is-past")
    assert (await schedule(ecps, path, 0)).json()["field"] == "window"
    starts = (await ecps.now()) - timedelta(days=1)
    window = {"starts": starts.isoformat(), "ends": (starts + timedelta(hours=1)).isoformat()}
    body = {"case_id": str(case.id), "partner_id": str(PARTNER), "purpose": "talk", "proposed": [window]}
    refused = await ecps.post("/v1/joint-calls", body, **CUSTOMER)
    assert (refused.status_code, refused.json()["field"]) == (422, "proposed")
    assert (await ecps.get(path)).json()["state"] == "requested"


async def test_a_call_that_moves_keeps_what_was_agreed_on(ecps: Harness) -> None:
    await a_partner(ecps)
    await ecps.learn({CONTACT: AN})
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    named = [{"side": "partner", "name": "Director", "email": "director@cloud.example"}]
    await schedule(ecps, path, 2, level=2, time_zone="Europe/London", participants=named)
    moved = (await schedule(ecps, path, 5, level=None)).json()
    assert (moved["time_zone"], moved["level"]) == ("Europe/London", 2)
    assert [each["name"] for each in moved["participants"]] == ["Director"]
    _, event = await invitation(ecps, path)
    assert (str(event["DTSTART"].params["TZID"]), event["SEQUENCE"]) == ("Europe/London", 1)
    again = (await schedule(ecps, path, 6, level=1, time_zone="Asia/Tokyo")).json()
    assert (again["time_zone"], again["level"], len(again["participants"])) == ("Asia/Tokyo", 1, 3)


@pytest.mark.promise("S10")
async def test_our_people_are_invited_by_the_address_of_now_and_the_partner_reads_its_own_alone(ecps: Harness) -> None:
    await a_partner(ecps)
    person = PersonState(
        name="Lê Minh Châu",
        display_name="Châu",
        email="chau.le@support.example",
        language="vi",
        time_zone="Asia/Ho_Chi_Minh",
        roles=["engineer"],
        active=True,
    )
    await ecps.learn({CHAU: person})
    await ecps.learn({CONTACT: AN})
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    await schedule(ecps, path, 2, person_id=CHAU)
    _, event = await invitation(ecps, path)
    everybody = ["an@acme.example", "chau.le@support.example", "lead@cloud.example"]
    assert sorted(str(each).removeprefix("mailto:") for each in event.attendees) == everybody
    assert "chau.le@support.example" not in (await ecps.get(path, **CUSTOMER)).text
    theirs = await ecps.get(f"{path}/calendar.ics", role="partner", partner_id=PARTNER)
    assert "lead@cloud.example" in theirs.text
    assert [each for each in ("chau.le", "Châu", "an@acme", "Chị An") if each in theirs.text] == []

    await ecps.learn({CHAU: person.model_copy(update={"email": "chau@support.example"})}, version=2)
    _, event = await invitation(ecps, path)
    assert "mailto:chau@support.example" in {str(each) for each in event.attendees}


async def test_an_invitation_without_an_attendee_is_published_and_asks_nobody(ecps: Harness) -> None:
    await a_partner(ecps)
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    await schedule(ecps, path, 2, participants=[{"side": "customer", "name": "Bác Ba"}])
    method, event = await invitation(ecps, path)
    assert (method, event.attendees) == ("PUBLISH", [])
    assert str(event["ORGANIZER"]) == "mailto:support@polyplus.example"


async def test_withdrawn_consent_cancels_the_calls_with_that_partner_to_come(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    path = await a_call(ecps, case)
    await schedule(ecps, path, 2)
    await ecps.deliver(case.no_more_shared())
    assert (await ecps.get(path)).json()["state"] == "cancelled"
    [told] = await ecps.events(JointCallCancelled)
    assert (told.sequence, told.by_role) == (1, "customer")


async def test_a_call_is_its_accounts_own(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    path = await a_call(ecps, case)
    other = {"role": "customer", "accounts": [OTHER_ACCOUNT]}
    body = {"case_id": str(case.id), "partner_id": str(PARTNER), "purpose": "mine"}
    assert (await ecps.post("/v1/joint-calls", body, **other)).status_code == 404
    assert (await ecps.get(path, **other)).status_code == 404
    assert (await ecps.get("/v1/joint-calls", **other)).json()["items"] == []
    not_its_own = await ecps.post("/v1/joint-calls", body | {"engagement_id": str(case.id)})
    assert (not_its_own.status_code, not_its_own.json()["type"]) == (422, "urn:polyplus:problem:not-of-this-case")
    assert (await ecps.post(f"{path}/held", {"outcome": "x"}, **CUSTOMER)).status_code == 403


@pytest.mark.promise("S6", "S9")
async def test_the_findings_are_in_the_customers_language_on_paper_and_as_data(ecps: Harness) -> None:
    await a_partner(ecps, requires_agreement=True)
    case = await a_case_with_wish(ecps)
    pdf = await ecps.get(f"{case.path}/findings.pdf", **CUSTOMER)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert b"BeVietnamPro" in pdf.content
    data = (await ecps.get(f"{case.path}/findings.json", **CUSTOMER)).json()
    assert data["language"] == "vi"
    assert data["explanation"].startswith("Phiếu hỗ trợ với Cloud cần có thỏa thuận")
    assert (data["product"], data["findings"]) == ("Studio X X70", "Lỗi chỉ xảy ra trong Teams Rooms")
