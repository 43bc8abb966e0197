"""They do not let us in: that is ours to mend, and no word of the partner's to the customer (S6, S8)."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from libs.events.ecps import PartnerCredentialsRefused, PartnerTicketNotOpenable, PartnerTicketOpened
from services.ecps.tests.builders import (
    ACCOUNT,
    PARTNER,
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
)
from tests.support.harness import Harness

MINUTE = timedelta(minutes=1)


async def mend(ecps: Harness, **fields: Any) -> None:
    etag = (await ecps.get(f"/v1/partners/{PARTNER}")).headers["etag"]
    answer = await ecps.patch(f"/v1/partners/{PARTNER}", {"why": "mended", **fields}, etag=etag, role="manager")
    assert answer.status_code == 200, answer.text


async def delivery(ecps: Harness, case: ACase) -> list[str]:
    return [note["delivery"] for note in (await ecps.get(f"{case.path}/notes")).json()["items"]]


def alarms() -> float:
    return REGISTRY.get_sample_value("polyplus_partner_credentials_refused_total") or 0


@pytest.mark.promise("S6")
@pytest.mark.parametrize("mended_by", ["us", "them"])
async def test_a_ticket_waits_until_our_credentials_are_mended_and_the_customer_reads_no_refusal(
    ecps: Harness, company: PartnerSystem, mended_by: str
) -> None:
    await a_partner(ecps, company)
    await company.faults(locked_out=True)
    before, case = alarms(), await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await ecps.fire_timers()

    assert (await an_engagement(ecps, case))["state"] == "submitting"
    assert await ecps.events(PartnerTicketNotOpenable) == []
    seen = (await ecps.get(case.path, role="customer", accounts=[ACCOUNT])).json()
    assert (seen["reason"], seen["explanation"]) == (None, None)
    [refused] = await ecps.events(PartnerCredentialsRefused)
    assert (refused.partner_id, alarms()) == (PARTNER, before + 1)
    partner = await ecps.get(f"/v1/partners/{PARTNER}")
    assert partner.json()["credentials_refused_at"] is not None
    theirs = await ecps.get(f"/v1/partners/{PARTNER}", role="customer", accounts=[ACCOUNT])
    assert theirs.json()["credentials_refused_at"] is None

    await ecps.advance(16 * MINUTE)
    await ecps.run_jobs()
    await ecps.fire_timers()
    assert alarms() == before + 2
    assert len(await ecps.events(PartnerCredentialsRefused)) == 1
    await company.faults()
    if mended_by == "us":
        await mend(ecps, credentials={"token": "new"})
    else:
        await ecps.advance(16 * MINUTE)
    await ecps.run_jobs()
    assert len(await company.tickets()) == 1
    assert (await an_engagement(ecps, case))["state"] == "opened"
    await ecps.advance(32 * MINUTE)
    assert (await ecps.get(f"/v1/partners/{PARTNER}")).json()["credentials_refused_at"] is None


async def test_notes_and_the_end_of_a_ticket_wait_too_and_go_out_once(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    first, second = await a_case_with_wish(ecps), await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.faults(locked_out=True)
    await ecps.deliver(first.noted("Still to say", 70), second.cancelled(70))
    await ecps.run_jobs()
    await ecps.fire_timers()
    assert await delivery(ecps, first) == ["held"]
    await ecps.advance(50 * MINUTE)
    await company.faults()
    await mend(ecps, credentials={"token": "new"})
    await ecps.run_jobs()
    await ecps.advance(16 * MINUTE)
    await ecps.run_jobs()

    tickets = {ticket["id"]: ticket for ticket in await company.tickets()}
    ours = [tickets[(await an_engagement(ecps, case))["ticket_number"]] for case in (first, second)]
    said = [note["text"].split("\n")[0] for note in ours[0]["note"]]
    assert said.count("customer: Still to say") == 1
    assert ours[1]["status"] == "cancelled"
    assert "sent" in await delivery(ecps, first)


async def test_what_may_be_there_is_looked_for_until_we_are_let_in(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    await company.faults(lose_answer_rate=1)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.faults(locked_out=True)
    for _ in range(20):
        await ecps.advance(MINUTE)
        await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "outcome_unknown"
    await company.faults()
    await ecps.advance(16 * MINUTE)
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "opened"
    assert len(await company.tickets()) == 1


async def test_a_held_ticket_that_is_taken_back_is_never_opened(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    await company.faults(locked_out=True)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await ecps.deliver(case.no_more_shared())
    await company.faults()
    await ecps.advance(16 * MINUTE)
    await ecps.run_jobs()
    assert await company.tickets() == []
    assert await ecps.events(PartnerTicketOpened) == []


async def test_a_client_gets_its_token_and_another_when_that_is_taken_back(
    ecps: Harness, company: PartnerSystem
) -> None:
    client = {"token_url": f"{company.url}/oauth/token", "client_id": "poly+", "client_secret": "s3cret/: ü"}
    await a_partner(ecps, company, credentials=client)
    await company.faults(tokens_only=True)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "opened"
    await company.http.delete("/simulate/tokens")
    await ecps.deliver(case.noted("With another token", 70))
    await ecps.run_jobs()
    assert await delivery(ecps, case) == ["sent"]
    await company.http.delete("/simulate/tokens")
    await company.faults(locked_out=True)
    await ecps.deliver(case.noted("Without any", 75))
    await ecps.run_jobs()
    assert sorted(await delivery(ecps, case)) == ["held", "sent"]


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        ({"token_url": "https://cloud.example/token", "client_id": "a"}, 422),
        ({"client_secret": "a"}, 422),
        ({"token_url": "https://localhost/token", "client_id": "a", "client_secret": "b"}, 422),
        ({"token_url": "https://cloud.example/token", "client_id": "a", "client_secret": "b"}, 200),
    ],
)
async def test_a_clients_credentials_belong_together_and_lead_to_a_public_address(
    ecps: Harness, credentials: dict[str, str], status: int
) -> None:
    await a_partner(ecps)
    etag = (await ecps.get(f"/v1/partners/{PARTNER}")).headers["etag"]
    body = {"why": "new", "credentials": credentials}
    answer = await ecps.patch(f"/v1/partners/{PARTNER}", body, etag=etag, role="manager")
    assert answer.status_code == status, answer.text
    assert "s3cret" not in answer.text


@pytest.mark.promise("S6")
async def test_a_partner_whose_search_knows_our_reference_by_another_name_is_asked_by_that(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company, search_by="externalIdentifier.id")
    await company.faults(search_by="externalIdentifier.id")
    case = await a_case_with_wish(ecps)
    ours = await company.has_a_ticket((await an_engagement(ecps, case))["our_reference"])
    for number in range(3):
        await company.has_a_ticket(f"OTHER-{number}")
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["ticket_number"] == ours["id"]
    etag = (await ecps.get(f"/v1/partners/{PARTNER}")).headers["etag"]
    wrong = {"why": "new", "search_by": "a&b=c"}
    assert (await ecps.patch(f"/v1/partners/{PARTNER}", wrong, etag=etag, role="manager")).status_code == 422


async def test_a_busy_partner_is_left_alone_as_long_as_it_asks(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    await company.faults(busy_seconds=900)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    async with ecps.transaction() as tx:
        waits = await tx.connection.fetchval("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM jobs")
    assert 800 < waits <= 900
    assert (await an_engagement(ecps, case))["state"] == "submitting"
