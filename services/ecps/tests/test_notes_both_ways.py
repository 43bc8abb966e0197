"""What is said goes to the other side once, and never back (S8)."""

import asyncio
from typing import Any

import pytest

from libs.events.ecps import (
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketOpened,
    PartnerTicketUpdated,
)
from libs.events.values import NoteOrigin
from libs.store.ids import new_id
from services.ecps.tests.builders import (
    OTHER_ACCOUNT,
    PARTNER,
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    an_opened_engagement,
    notice,
)
from tests.support.harness import Harness


async def said(company: PartnerSystem) -> list[str]:
    [ticket] = await company.tickets()
    return [note["text"].split("\n")[0] for note in ticket.get("note", [])]


async def deliveries(ecps: Harness, case: ACase) -> dict[str, str]:
    items = (await ecps.get(f"{case.path}/notes")).json()["items"]
    return {note["text"]: note["delivery"] for note in items}


@pytest.mark.promise("S8")
async def test_the_customers_notes_reach_the_partner_once_and_the_partners_own_do_not(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    early = ecps.delivery(case.noted("Before there was a ticket", 20))
    await ecps.deliver(early, early)
    await ecps.run_jobs()
    await ecps.deliver(
        case.noted("After", 30),
        case.noted("From the partner", 31, origin="partner"),
        case.noted("Told by the system", 32, origin="system"),
        case.noted("Told again", 33, source_id=new_id()),
    )
    await ecps.run_jobs()
    assert await said(company) == ["customer: Before there was a ticket", "customer: After"]


async def test_the_partner_reads_which_side_says_something_and_no_name(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    origins: tuple[NoteOrigin, ...] = ("customer", "support", "technician")
    for minutes, origin in enumerate(origins, 20):
        await ecps.deliver(case.noted(f"By {origin}", minutes, origin=origin))
        await ecps.run_jobs()
    await ecps.post(f"{case.path}/notes", {"text": "For you alone"})
    await ecps.run_jobs()
    told = ["customer: By customer", "Poly+ support: By support", "Poly+ support: By technician"]
    assert await said(company) == [*told, "Poly+ support: For you alone"]
    [ticket] = await company.tickets()
    assert {note["author"] for note in ticket["note"]} == {"customer", "Poly+ support"}


async def test_a_note_whose_answer_was_lost_is_not_sent_twice(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.faults(lose_answer_rate=1)
    await ecps.deliver(case.noted("Only once"))
    async with ecps.service.jobs.client() as http:
        await ecps.service.jobs.run_due(ecps.database, http)
    assert (await deliveries(ecps, case))["Only once"] == "sending"

    await company.faults()
    async with asyncio.timeout(20):
        while (await deliveries(ecps, case))["Only once"] != "sent":
            await ecps.run_jobs()
    assert await said(company) == ["customer: Only once"]


async def test_our_own_words_told_back_are_not_news(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.faults(echo=True)
    await ecps.post(f"{case.path}/notes", {"text": "Any news?"})
    await ecps.run_jobs()
    await company.told()

    assert await ecps.events(PartnerTicketUpdated) == []
    assert (await an_engagement(ecps, case))["first_heard_at"] is None
    notes = (await ecps.get(f"{case.path}/notes")).json()["items"]
    assert sorted(note["delivery"] for note in notes) == ["echo", "sent"]


@pytest.mark.promise("S8")
async def test_notices_twice_and_out_of_order_end_in_the_same_state(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.faults(duplicate_rate=1, out_of_order=True)
    for what, text in (("progress", "one"), ("require-information", "two"), ("progress", "three")):
        number = (await an_engagement(ecps, case))["ticket_number"]
        await company.http.post(f"/simulate/tickets/{number}/{what}", json={"text": text})
    await company.told()

    assert (await an_engagement(ecps, case))["state"] == "in_progress"
    relayed = [e.text for e in await ecps.events(PartnerTicketUpdated)]
    relayed += [e.needed for e in await ecps.events(PartnerInformationRequired)]
    assert sorted(filter(None, relayed)) == ["one", "three", "two"]


async def test_an_old_state_told_late_is_relayed_and_changes_nothing(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await notice(ecps, sequence=5, status="closed", kind="closed", text="Bye")
    await notice(ecps, sequence=4, status="pending", kind="information_required", text="Which tenant?")
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["partner_state"]) == ("closed", "closed")
    [closed] = await ecps.events(PartnerTicketClosed)
    [late] = await ecps.events(PartnerTicketUpdated)
    assert (closed.reason, late.text, late.state) == ("Bye", "Which tenant?", None)


async def test_a_notice_about_a_ticket_we_do_not_know_of_yet_tells_that_there_is_one(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    reference = (await an_engagement(ecps, case))["our_reference"]
    told = await notice(ecps, our_reference=reference, partner_reference="TT-9", sequence=1)
    assert told.json() == {"known": True, "repeated": False}
    [opened] = await ecps.events(PartnerTicketOpened)
    assert opened.ticket_number == "TT-9"
    assert (await an_engagement(ecps, case))["state"] == "in_progress"


async def test_any_foreign_fact_is_taken_and_only_a_signed_one(ecps: Harness) -> None:
    await an_opened_engagement(ecps)
    oddities: tuple[dict[str, Any], ...] = (
        {"partner_reference": "TT-404"},
        {"kind": "dance"},
        {"text": "a\0b"},
        {"occurred_at": "yesterday"},
    )
    for odd in oddities:
        assert (await notice(ecps, **odd)).status_code == 202
    before = await ecps.state()
    forged = "whsec_" + "A" * 32
    for answer in (
        await notice(ecps, secret=forged),
        await notice(ecps, at=-301),
        await notice(ecps, at=301),
    ):
        assert answer.status_code == 401
    assert await ecps.state() == before


async def test_a_partners_own_secret_is_the_only_one_for_its_tickets(ecps: Harness) -> None:
    own = "whsec_" + "B" * 32
    await an_opened_engagement(ecps, credentials={"webhook_secret": own})
    assert (await notice(ecps)).status_code == 401
    assert (await notice(ecps, secret=own)).json() == {"known": True, "repeated": False}


async def test_a_partner_may_have_two_secrets_while_they_rotate(ecps: Harness) -> None:
    old, new = "whsec_" + "B" * 32, "whsec_" + "C" * 32
    await an_opened_engagement(ecps, credentials={"webhook_secret": f"{new} {old}"})
    for secret in (old, new):
        assert (await notice(ecps, secret=secret)).status_code == 202


@pytest.mark.promise("C4")
async def test_a_partners_system_sees_its_own_engagements_and_tells_its_news(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    news = {"kind": "status", "status": "inProgress", "text": "On it"}
    stranger = {"role": "partner", "partner_id": OTHER_ACCOUNT}
    own = {"role": "partner", "partner_id": PARTNER}
    assert (await ecps.get(case.path, **stranger)).status_code == 404
    assert (await ecps.post(f"{case.path}/partner-updates", news, **stranger)).status_code == 404
    assert (await ecps.get("/v1/partner-engagements", **stranger)).json()["items"] == []
    [listed] = (await ecps.get("/v1/partner-engagements", **own)).json()["items"]
    assert listed["id"] == str(case.engagement_id)
    assert (await ecps.post(f"{case.path}/partner-updates", news, **own)).json()["state"] == "in_progress"
    [update] = await ecps.events(PartnerTicketUpdated)
    [note] = (await ecps.get(f"{case.path}/notes", **own)).json()["items"]
    assert (update.text, note["author"]) == ("On it", listed["partner_name"])


@pytest.mark.promise("S8")
@pytest.mark.parametrize("merge_only", [False, True])
async def test_our_notes_stand_once_beside_the_partners_own(
    ecps: Harness, company: PartnerSystem, merge_only: bool
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.does(ecps, case, "note", text="Theirs")
    await company.faults(merge_only=merge_only)
    await ecps.deliver(*(case.noted(text, 70) for text in ("One", "Two", "Three")))
    async with asyncio.timeout(30):
        while "sending" in (await deliveries(ecps, case)).values():
            await ecps.run_jobs()
    first, *ours = await said(company)
    assert (first, sorted(ours)) == ("Theirs", ["customer: One", "customer: Three", "customer: Two"])
