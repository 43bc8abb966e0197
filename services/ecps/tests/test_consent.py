"""Consent that is withdrawn ends all sharing at once, and given again it begins anew (S6)."""

from datetime import timedelta

import pytest

from libs.events.ecps import (
    PartnerTicketNotOpenable,
    PartnerTicketOpened,
    PartnerTicketReopened,
    PartnerTicketWithdrawn,
)
from services.ecps.tests.builders import (
    ACCOUNT,
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    an_opened_engagement,
    notice,
    open_and_crash,
    pass_minutes,
)
from tests.support.harness import Harness

MINUTE = timedelta(minutes=1)


async def notes_of(ecps: Harness, case: ACase) -> list[tuple[str, str]]:
    items = (await ecps.get(f"{case.path}/notes")).json()["items"]
    return sorted((note["text"], note["delivery"]) for note in items)


@pytest.mark.promise("S6")
async def test_withdrawn_consent_takes_the_ticket_back_and_nothing_more_is_told(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await ecps.deliver(case.noted("Told in time", 30))
    await ecps.run_jobs()
    await ecps.deliver(case.noted("On its way", 31))
    gone = ecps.delivery(case.no_more_shared())
    await ecps.deliver(gone, gone)
    await ecps.deliver(case.noted("After", 50))
    assert (await ecps.post(f"{case.path}/notes", {"text": "By hand"})).status_code == 409
    await ecps.advance(600 * MINUTE)
    await ecps.run_jobs()

    [ticket] = await company.tickets()
    assert (ticket["status"], ticket["statusChangeReason"]) == ("cancelled", "withdrawn")
    assert [note["text"].split("\n")[0] for note in ticket["note"]] == ["customer: Told in time"]
    assert await notes_of(ecps, case) == [("On its way", "withheld"), ("Told in time", "sent")]
    [told] = await ecps.events(PartnerTicketWithdrawn)
    assert (told.by, told.withdrawn_at) == ("customer:1", case.at(40))
    assert told.reason == "Quý khách đã rút lại sự đồng ý chia sẻ yêu cầu với Cloud."
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["reason"]) == ("withdrawn", "no_consent")


@pytest.mark.promise("S6")
async def test_a_ticket_that_waits_to_be_opened_is_never_opened(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.no_more_shared())
    await ecps.run_jobs()
    await ecps.advance(60 * MINUTE)
    await ecps.run_jobs()
    assert await company.tickets() == []
    assert await ecps.events(PartnerTicketOpened) == []
    assert (await an_engagement(ecps, case))["state"] == "withdrawn"


async def test_a_ticket_that_was_being_opened_is_looked_for_and_ended(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    await company.faults(lose_answer_rate=1, search_lag_seconds=120)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.faults(search_lag_seconds=120)
    await ecps.deliver(case.no_more_shared())
    await pass_minutes(ecps, 3)
    await company.faults()
    await pass_minutes(ecps, 9)
    [ticket] = await company.tickets()
    assert ticket["status"] == "cancelled"


@pytest.mark.promise("S6")
async def test_consent_given_again_opens_another_ticket(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    first = await an_engagement(ecps, case)
    await ecps.deliver(case.no_more_shared())
    await ecps.run_jobs()
    await ecps.deliver(case.noted("Not for them", 45), case.asked(50), case.noted("For them again", 55))
    await ecps.run_jobs()

    second = await an_engagement(ecps, case)
    assert (second["state"], second["reason"], second["level"]) == ("opened", None, 0)
    assert second["ticket_number"] != first["ticket_number"]
    assert second["our_reference"] != first["our_reference"]
    tickets = {ticket["id"]: ticket for ticket in await company.tickets()}
    assert [tickets[each["ticket_number"]]["status"] for each in (first, second)] == ["cancelled", "acknowledged"]
    said = [note["text"].split("\n")[0] for note in tickets[second["ticket_number"]]["note"]]
    assert said == ["customer: For them again"]
    late = await notice(ecps, partner_reference=first["ticket_number"], our_reference=first["our_reference"])
    assert late.json()["known"] is False


@pytest.mark.parametrize("lag", [0, 300])
async def test_consent_given_again_while_a_ticket_may_be_there_makes_no_second_one(
    ecps: Harness, company: PartnerSystem, lag: int
) -> None:
    await a_partner(ecps, company)
    await company.faults(lose_answer_rate=1, search_lag_seconds=lag)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await ecps.deliver(case.no_more_shared(), case.asked(50))
    await company.faults(search_lag_seconds=lag)
    await ecps.run_jobs()
    await pass_minutes(ecps, 3)
    await company.faults()
    await pass_minutes(ecps, 9)
    [ticket] = await company.tickets()
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["ticket_number"]) == ("opened", ticket["id"])
    assert ticket["status"] == "acknowledged"


async def test_two_submissions_that_wait_together_open_one_ticket(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.no_more_shared(), case.asked(50))
    async with ecps.transaction() as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM jobs WHERE kind = 'open_ticket'") == 2
    for _ in range(14):
        await ecps.run_jobs()
        await ecps.advance(MINUTE)
    [ticket] = await company.tickets()
    assert (await an_engagement(ecps, case))["ticket_number"] == ticket["id"]


async def test_consent_is_withdrawn_before_anything_could_be_opened(ecps: Harness) -> None:
    await a_partner(ecps, requires_agreement=True)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.noted("Waiting", 30), case.no_more_shared())
    reasons = [no.reason for no in await ecps.events(PartnerTicketNotOpenable)]
    assert reasons == ["no_agreement", "no_consent"]
    assert await notes_of(ecps, case) == [("Waiting", "withheld")]
    shown = await ecps.get(case.path, role="customer", accounts=[ACCOUNT])
    assert "đồng ý" in shown.json()["explanation"]


@pytest.mark.parametrize("ends", ["withdraw", "close"])
async def test_what_is_over_for_another_reason_stays_over_when_consent_is_given_again(ecps: Harness, ends: str) -> None:
    case = await an_opened_engagement(ecps)
    if ends == "withdraw":
        assert (await ecps.post(f"{case.path}/withdraw", {"reason": "solved"})).status_code == 200
    else:
        await notice(ecps, kind="closed", text="Bye")
    over = (await an_engagement(ecps, case))["state"]
    await ecps.deliver(case.no_more_shared())
    await notice(ecps, text="It came back")
    assert await ecps.events(PartnerTicketReopened) == []
    await ecps.deliver(case.asked(50))
    assert (await an_engagement(ecps, case))["state"] == over


async def test_a_withdrawal_that_is_older_than_the_consent_or_about_another_partner_ends_nothing(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await ecps.deliver(case.no_more_shared(5), case.no_more_shared(partner_id=ACCOUNT))
    assert (await an_engagement(ecps, case))["state"] == "opened"
    assert await ecps.events(PartnerTicketWithdrawn) == []


async def test_an_end_of_sharing_that_was_told_as_a_wish_without_consent_ends_it_too(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await ecps.deliver(case.asked(40, consent=False))
    assert (await an_engagement(ecps, case))["reason"] == "no_consent"
    assert [each.by for each in await ecps.events(PartnerTicketWithdrawn)] == ["customer:1"]


async def test_a_crash_after_the_ticket_was_made_leaves_none_open_once_consent_ends(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await open_and_crash(ecps, case)

    await ecps.deliver(case.no_more_shared())
    await pass_minutes(ecps, 2)
    [ticket] = await company.tickets()
    assert ticket["status"] == "cancelled"
