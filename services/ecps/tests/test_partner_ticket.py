"""The ticket on the partner's side, over real HTTP with the simulated partner."""

from datetime import timedelta

import pytest

from libs.events.ecps import (
    FindingsShared,
    PartnerEngagementRequested,
    PartnerInformationRequired,
    PartnerTicketOpened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
    PartnerTicketWithdrawn,
)
from services.ecps.tests.builders import (
    ACCOUNT,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    an_opened_engagement,
)
from tests.support.harness import Harness
from tests.support.summaries import shows_one_line_of_each


@pytest.mark.promise("S4", "S5", "S6")
async def test_a_diagnosis_and_the_customers_wish_open_a_ticket_with_the_partner(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    assert (await an_engagement(ecps, case))["state"] == "submitting"

    await ecps.run_jobs()

    [ticket] = await company.tickets()
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["ticket_number"]) == ("opened", ticket["id"])
    assert ticket["externalIdentifier"][0]["id"] == engagement["our_reference"]
    assert "An" not in ticket["description"].split()
    [requested] = await ecps.events(PartnerEngagementRequested)
    [opened] = await ecps.events(PartnerTicketOpened)
    [findings] = await ecps.events(FindingsShared)
    assert requested.requested_at == case.at(10)
    assert opened.ticket_number == findings.ticket_number == ticket["id"]
    assert opened.partner_response_due == opened.opened_at + timedelta(minutes=30)
    assert abs(opened.response_seconds - 50 * 60) < 60


@pytest.mark.promise("S8")
async def test_what_the_partner_tells_is_relayed_until_it_is_resolved(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()

    await company.does(ecps, case, "progress", text="We look at the tenant's policy.")
    await company.does(ecps, case, "require-information", text="Which tenant?")
    await company.does(ecps, case, "status", status="awaitingDeities", text="Hm.")
    await ecps.deliver(case.noted("acme.example", 70))
    await ecps.run_jobs()
    await company.does(ecps, case, "resolve", text="The policy is corrected.")

    engagement = await an_engagement(ecps, case)
    assert [step["state"] for step in engagement["history"]] == [
        "requested",
        "eligible",
        "submitting",
        "opened",
        "in_progress",
        "information_required",
        "in_progress",
        "resolved",
    ]
    [asked] = await ecps.events(PartnerInformationRequired)
    [resolved] = await ecps.events(PartnerTicketResolved)
    updates = await ecps.events(PartnerTicketUpdated)
    assert asked.needed == "Which tenant?"
    assert [(u.state, u.partner_state, u.text) for u in updates] == [
        ("in_progress", "inProgress", "We look at the tenant's policy."),
        (None, "awaitingDeities", "Hm."),
        ("in_progress", "awaitingDeities", None),
    ]
    assert resolved.resolution == "The policy is corrected."
    assert resolved.partner_response_seconds is not None


async def test_a_lost_answer_is_looked_up_and_no_second_ticket_is_made(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    await company.faults(lose_answer_rate=1)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "outcome_unknown"

    await company.faults()
    await ecps.advance(timedelta(minutes=1))
    await ecps.run_jobs()

    engagement = await an_engagement(ecps, case)
    [ticket] = await company.tickets()
    assert (engagement["state"], engagement["ticket_number"]) == ("opened", ticket["id"])
    assert len(await ecps.events(PartnerTicketOpened)) == 1


async def test_a_cancelled_case_ends_the_ticket_and_opens_none_that_was_still_to_be(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    opened = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    opening = await a_case_with_wish(ecps)
    await ecps.deliver(opened.cancelled(), opening.cancelled(), together=True)
    await ecps.run_jobs()

    assert [ticket["status"] for ticket in await company.tickets()] == ["cancelled"]
    assert [(await an_engagement(ecps, case))["state"] for case in (opened, opening)] == ["withdrawn", "withdrawn"]
    assert len(await ecps.events(PartnerTicketWithdrawn)) == 2


async def test_a_resolved_ticket_is_closed_with_the_case(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.does(ecps, case, "resolve", text="done")
    await ecps.deliver(case.resolved(), case.closed(), together=True)
    await ecps.run_jobs()
    [ticket] = await company.tickets()
    assert ticket["status"] == "closed"
    assert (await an_engagement(ecps, case))["state"] == "closed"


async def test_a_withdrawn_diagnosis_leaves_an_open_ticket_alone(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await ecps.deliver(case.withdrawn())
    assert (await an_engagement(ecps, case))["state"] == "opened"


async def test_a_board_reads_one_line_of_each_engagement(ecps: Harness) -> None:
    await an_opened_engagement(ecps)
    for how in ({"role": "engineer"}, {"role": "customer", "accounts": [ACCOUNT]}):
        await shows_one_line_of_each(ecps, "/v1/partner-engagements", **how)
