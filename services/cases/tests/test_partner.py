"""The cloud partner, as the case sees them."""

from typing import Any
from uuid import uuid4

import pytest

from libs.events.cases import CasePending, CaseResumed
from libs.events.cases_work import NoteAdded, PartnerConsentWithdrawn, PartnerTicketRequested
from libs.events.ecps import PartnerTicketNotOpenable
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    DIAGNOSIS,
    ENGAGEMENT,
    PARTNER,
    a_fault,
    a_request,
    at,
    did,
    in_progress,
    information_required,
    opened,
    shown,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    ticket_updated,
    waits_of,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal


@pytest.mark.promise("S6")
async def test_a_customer_asks_for_a_ticket_with_the_diagnosed_partner_and_consents(cases: Harness) -> None:
    case_id = await in_progress(cases)
    nobody = await cases.post(f"/v1/cases/{case_id}/partner-ticket-request", {"consent": True}, **CUSTOMER)
    await did(cases, case_id, "diagnoses", a_fault(remedy="partner_ticket", partner_id=str(PARTNER)))
    case = await did(cases, case_id, "partner-ticket-request", {"consent": True}, **CUSTOMER)

    assert refusal(nobody) == (422, "which-partner")
    [asked] = await cases.events(PartnerTicketRequested)
    assert (asked.partner_id, asked.consent, asked.contact_id) == (PARTNER, True, None)
    kept = case["partner_requests"][0]
    assert (kept["consent"], kept["consent_given_by"]) == (True, None)
    assert kept["by"].startswith("customer:")


@pytest.mark.promise("S6")
async def test_consent_is_withdrawn_as_long_as_anybody_reads_it_and_told_as_that(cases: Harness) -> None:
    case_id = await in_progress(cases)
    path, partner = f"/v1/cases/{case_id}/partner-ticket-request", {"partner_id": str(PARTNER)}
    await did(cases, case_id, "partner-ticket-request", {**partner, "consent": False}, **CUSTOMER)
    assert await cases.events(PartnerConsentWithdrawn) == []
    await did(cases, case_id, "partner-ticket-request", {**partner, "consent": True}, **CUSTOMER)
    await did(cases, case_id, "resolve", {"resolution": "Mended."})

    assert refusal(await cases.post(path, {**partner, "consent": True}, **CUSTOMER)) == (409, "not-possible-now")
    other = {"partner_id": str(uuid4()), "consent": False}
    assert refusal(await cases.post(path, other, **CUSTOMER)) == (409, "not-possible-now")
    shown_to = await cases.get(f"/v1/cases/{case_id}", **CUSTOMER)
    assert "partner_ticket_request" in shown_to.json()["possible"]
    await did(cases, case_id, "partner-ticket-request", {**partner, "consent": False, "message": "Stop"}, **CUSTOMER)
    [gone] = await cases.events(PartnerConsentWithdrawn)
    assert (gone.partner_id, gone.message, gone.by_role) == (PARTNER, "Stop", "customer")
    assert [each.consent for each in await cases.events(PartnerTicketRequested)] == [False, True]
    again = await cases.post(path, {**partner, "consent": False}, **CUSTOMER)
    assert refusal(again) == (409, "not-possible-now")


async def test_staff_say_whose_consent_it_is(cases: Harness) -> None:
    case_id = await opened(cases)
    path, body = f"/v1/cases/{case_id}/partner-ticket-request", {"partner_id": str(uuid4()), "consent": True}

    assert refusal(await cases.post(path, body)) == (422, "consent-of-whom")
    assert (await cases.post(path, {**body, "consent_given_by": "Nguyễn Văn An"})).status_code == 200
    contact = str(uuid4())
    both = {"contact_id": contact, "consent_given_by": "Nguyễn Văn An"}
    assert (await cases.post(path, {**body, **both})).status_code == 200
    assert (await cases.post(path, {**body, "contact_id": contact, "consent": False})).status_code == 200
    assert (await cases.post(path, body, role="technician")).status_code == 403
    told = await cases.events(PartnerTicketRequested)
    assert [each.contact_id and str(each.contact_id) for each in told] == [None, contact]
    assert all("Nguyễn Văn An" not in each.model_dump_json() for each in told)
    kept = (await shown(cases, case_id))["partner_requests"]
    assert [each["consent_given_by"] for each in kept] == ["Nguyễn Văn An", None, None]


async def test_a_partner_reads_sides_and_no_names_of_ours_or_the_customers(cases: Harness) -> None:
    case_id = await opened(cases)
    path = f"/v1/cases/{case_id}"
    partner: dict[str, Any] = {"role": "partner", "accounts": [ACCOUNT]}
    await did(cases, case_id, "assign")
    wish = {"partner_id": str(PARTNER), "consent": True, "consent_given_by": "Nguyễn Văn An"}
    await did(cases, case_id, "partner-ticket-request", wish)
    for who in (CUSTOMER, {"role": "engineer"}, partner):
        said = await cases.post(f"{path}/notes", {"text": "Here.", "visibility": "public"}, **who)
        assert said.status_code == 201

    async def authors(**who: Any) -> list[str]:
        return [each["author_name"] for each in (await cases.get(f"{path}/notes", **who)).json()["items"]][::-1]

    assert await authors(role="engineer") == ["the customer", "the engineer", "the partner"]
    assert await authors(**partner) == ["customer", "Poly+ support", "the partner"]
    for view in ("", "?view=summary"):
        [line] = (await cases.get(f"/v1/cases{view}", **partner)).json()["items"]
        assert line["assignee"] is None
    read = await cases.get(path, **partner)
    assert read.json()["reporter_name"] == "customer"
    names = ('"Lan"', "Nguyễn Văn An", "the customer", "the engineer")
    assert [name for name in names if name in read.text] == []
    assert [name for name in names[:3] if name not in (await cases.get(path)).text] == []

    own = await cases.post("/v1/cases", a_request(serial="SN-2"), **partner)
    assert own.status_code == 201, own.text
    assert own.json()["reporter_name"] == "the partner"


@pytest.mark.promise("S8")
async def test_a_ticket_is_waited_for_its_news_relayed_and_its_end_ends_the_wait(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)), ticket_updated(case_id, at(2)))
    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("pending", ["partner"])

    await cases.deliver(ticket_resolved(case_id, at(30)))
    assert (await shown(cases, case_id))["state"] == "in_progress"
    opened_note, update, end = await cases.events(NoteAdded)
    assert "EM-900417" in opened_note.text
    assert (update.origin, update.text, update.source_id is not None) == ("partner", "We are looking into it.", True)
    assert "Fixed on our side." in end.text


async def test_what_the_partner_needs_is_asked_of_the_customer(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)), information_required(case_id, at(2)))
    assert waits_of(await shown(cases, case_id)) == ["partner", "customer"]

    await did(cases, case_id, "notes", {"text": "The tenant's id is 42."}, **CUSTOMER)
    assert waits_of(await shown(cases, case_id)) == ["partner"]
    assert [e.wait for e in await cases.events(CasePending)] == ["partner", "customer"]
    assert [e.wait for e in await cases.events(CaseResumed)] == ["customer"]


async def test_the_partner_going_on_ends_what_was_asked_for_them(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)), information_required(case_id, at(2)))
    await cases.deliver(ticket_updated(case_id, at(3), state="in_progress", text=None))

    assert waits_of(await shown(cases, case_id)) == ["partner"]


async def test_a_solution_that_was_none_is_waited_for_again(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)), ticket_resolved(case_id, at(30)))
    await cases.deliver(ticket_updated(case_id, at(40), state="in_progress"))

    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("pending", ["partner"])


@pytest.mark.promise("S8")
async def test_a_ticket_that_the_partner_opens_again_is_waited_for_again_and_the_customer_reads_why(
    cases: Harness,
) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, at(1)), ticket_resolved(case_id, at(30)))
    again = cases.delivery(ticket_reopened(case_id, at(40), text="It came back."))
    await cases.deliver(again, again)
    await cases.deliver(ticket_reopened(uuid4(), at(41)))

    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("pending", ["partner"])
    *_, note = await cases.events(NoteAdded)
    assert (note.origin, note.text) == ("system", "Example Meetings đã mở lại phiếu hỗ trợ EM-900417. It came back.")
    await cases.deliver(ticket_resolved(case_id, at(50)))
    assert waits_of(await shown(cases, case_id)) == []


@pytest.mark.promise("S9")
async def test_why_no_ticket_could_be_opened_is_said_in_the_case(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(
        PartnerTicketNotOpenable(
            engagement_id=ENGAGEMENT,
            case_id=case_id,
            diagnosis_id=DIAGNOSIS,
            partner_id=PARTNER,
            partner_name="Example Meetings",
            reason="no_agreement",
            explanation="chưa có thỏa thuận",
            decided_at=at(1),
        )
    )

    assert "chưa có thỏa thuận" in (await cases.events(NoteAdded))[0].text
    assert (await shown(cases, case_id))["state"] == "in_progress"
