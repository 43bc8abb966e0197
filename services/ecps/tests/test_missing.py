"""A ticket that the partner confirmed and does not have, and words that it says twice (S6, S8)."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.ecps import PartnerTicketMissing, PartnerTicketOpened, PartnerTicketUpdated
from services.ecps.tests.builders import (
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    an_opened_engagement,
    doubts,
    notice,
    pass_minutes,
)
from tests.support.harness import Harness

MINUTE = timedelta(minutes=1)


async def an_open_ticket(ecps: Harness, company: PartnerSystem) -> ACase:
    await a_partner(ecps, company, response_minutes=600)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "opened"
    return case


@pytest.mark.promise("S6", "S8")
async def test_a_ticket_that_was_confirmed_and_not_kept_is_missed_and_another_one_opened(
    ecps: Harness, company: PartnerSystem
) -> None:
    await company.faults(forget_rate=1)
    case = await an_open_ticket(ecps, company)
    first = (await an_engagement(ecps, case))["ticket_number"]
    await ecps.deliver(case.noted("Said to nobody", 30))
    await company.faults()
    await pass_minutes(ecps, 8)
    assert await ecps.events(PartnerTicketMissing) == []
    await pass_minutes(ecps, 6)

    [missing] = await ecps.events(PartnerTicketMissing)
    assert missing.ticket_number == first
    [ticket] = await company.tickets()
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["ticket_number"]) == ("opened", ticket["id"])
    assert [each.ticket_number for each in await ecps.events(PartnerTicketOpened)] == [first, ticket["id"]]
    assert [note["text"].split("\n")[0] for note in ticket["note"]] == ["customer: Said to nobody"]


async def test_a_ticket_that_vanishes_is_missed_after_their_silence(ecps: Harness, company: PartnerSystem) -> None:
    case = await an_open_ticket(ecps, company)
    await pass_minutes(ecps, 12)
    await ecps.deliver(case.noted("On the first", 75))
    await ecps.run_jobs()
    await company.does(ecps, case, "vanish")
    await ecps.advance(600 * MINUTE)
    await pass_minutes(ecps, 16)
    assert len(await ecps.events(PartnerTicketMissing)) == 1
    [ticket] = await company.tickets()
    assert "customer: On the first" in [note["text"].split("\n")[0] for note in ticket["note"]]


@pytest.mark.parametrize("faults", [{}, {"search_lag_seconds": 3600}, {"locked_out": True}, {"unavailable": True}])
async def test_a_ticket_that_is_there_is_not_missed(
    ecps: Harness, company: PartnerSystem, faults: dict[str, int]
) -> None:
    case = await an_open_ticket(ecps, company)
    await company.faults(**faults)
    await pass_minutes(ecps, 30)
    assert await ecps.events(PartnerTicketMissing) == []
    assert (await an_engagement(ecps, case))["state"] == "opened"


async def test_what_comes_back_before_the_last_look_is_not_missed(ecps: Harness, company: PartnerSystem) -> None:
    await company.faults(forget_rate=1)
    case = await an_open_ticket(ecps, company)
    await company.faults()
    await pass_minutes(ecps, 15)
    before = doubts("another_ticket")
    await company.has_a_ticket((await an_engagement(ecps, case))["our_reference"])
    await pass_minutes(ecps, 15)
    assert await ecps.events(PartnerTicketMissing) == []
    assert doubts("another_ticket") == before + 1


async def test_a_ticket_that_ends_while_it_is_looked_for_is_not_opened_again(
    ecps: Harness, company: PartnerSystem
) -> None:
    await company.faults(forget_rate=1)
    case = await an_open_ticket(ecps, company)
    await company.faults()
    await pass_minutes(ecps, 15)
    await ecps.deliver(case.cancelled(80))
    await pass_minutes(ecps, 10)
    assert await company.tickets() == []
    assert await ecps.events(PartnerTicketMissing) == []


@pytest.mark.promise("S8")
async def test_a_ticket_that_ended_over_there_is_taken_up_again(ecps: Harness, company: PartnerSystem) -> None:
    case = await an_open_ticket(ecps, company)
    await company.does(ecps, case, "close", text="Done")
    assert (await an_engagement(ecps, case))["state"] == "closed"
    await company.does(ecps, case, "reopen", text="Not done")
    assert (await an_engagement(ecps, case))["state"] == "in_progress"


@pytest.mark.promise("S8")
async def test_the_same_words_under_another_id_are_one_note(ecps: Harness, company: PartnerSystem) -> None:
    case = await an_open_ticket(ecps, company)
    await company.faults(repeat_rate=1, uncounted=True)
    await company.does(ecps, case, "note", text="We look into it")
    await company.does(ecps, case, "progress", text="On it")
    assert [each.text for each in await ecps.events(PartnerTicketUpdated)] == ["We look into it", "On it"]
    items = (await ecps.get(f"{case.path}/notes")).json()["items"]
    assert [note["text"] for note in items] == ["On it", "We look into it"]


async def test_the_same_words_are_news_after_a_while_and_where_they_tell_another_state(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    now = await ecps.now()
    at = [(now + minutes * MINUTE).isoformat() for minutes in (-30, -29, -28, 0)]
    asked: dict[str, Any] = {"kind": "information_required", "status": "pending", "text": "Which tenant?"}
    await notice(ecps, occurred_at=at[0], **asked)
    await notice(ecps, occurred_at=at[1], text="Thanks")
    repeated = await notice(ecps, occurred_at=at[2], **asked)
    assert (repeated.json()["repeated"], (await an_engagement(ecps, case))["state"]) == (False, "information_required")
    later = await notice(ecps, occurred_at=at[3], kind="note", status=None, text="Thanks")
    assert later.json()["repeated"] is False
    again = await notice(ecps, occurred_at=at[3], kind="note", status=None, text="Thanks")
    assert again.json()["repeated"] is True


async def test_a_link_for_the_customer_is_a_page_and_no_api(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company, ticket_page="https://cloud.example/tickets/{ticket}?lang=vi")
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    engagement = await an_engagement(ecps, case)
    assert engagement["ticket_url"] == f"https://cloud.example/tickets/{engagement['ticket_number']}?lang=vi"
