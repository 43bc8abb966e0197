"""No ticket: why, what the customer gets instead, and how it goes on by itself when what lacked arrives (S7, S9)."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.ecps import (
    FindingsShared,
    PartnerEngagementRequested,
    PartnerTicketNotOpenable,
    PartnerTicketWithdrawn,
)
from services.ecps.connectors.outcomes import NOTHING_SENT
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

PATCHES: dict[str, dict[str, Any]] = {
    "not_approved": {"approved_strategic": True},
    "not_permitted": {"permits_direct_work": True},
}


async def an_agreement(ecps: Harness, **fields: Any) -> Any:
    body = {"partner_id": str(PARTNER), "reference": "AG-1", "valid_from": "2020-01-01"}
    return await ecps.post("/v1/partner-agreements", body | fields, role="customer", accounts=[ACCOUNT])


async def patch_partner(ecps: Harness, **fields: Any) -> Any:
    path = f"/v1/partners/{PARTNER}"
    etag = (await ecps.get(path)).headers["etag"]
    return await ecps.patch(path, {"why": "as agreed", **fields}, etag=etag, role="manager")


@pytest.mark.promise("S7", "S9")
@pytest.mark.parametrize("reason", ["not_approved", "not_permitted", "no_consent", "no_agreement"])
async def test_what_lacks_is_said_and_its_arrival_opens_the_ticket(ecps: Harness, reason: str) -> None:
    lacking: dict[str, Any] = dict.fromkeys(PATCHES.get(reason, {}), False)
    await a_partner(ecps, requires_agreement=reason == "no_agreement", **lacking)
    case = await a_case_with_wish(ecps, consent=reason != "no_consent")

    [no] = await ecps.events(PartnerTicketNotOpenable)
    [findings] = await ecps.events(FindingsShared)
    assert no.reason == reason
    assert no.partner_contact == findings.partner_contact
    assert findings.partner_contact is not None
    assert findings.ticket_number is None
    told = (await ecps.get(f"{case.path}/findings", role="customer", accounts=[ACCOUNT])).json()
    assert (told["reason"], told["explanation"]) == (reason, no.explanation)
    assert told["partner_contact"]["email"] == "help@cloud.example"

    if reason == "no_consent":
        await ecps.deliver(case.asked(20))
    elif reason == "no_agreement":
        assert (await an_agreement(ecps)).status_code == 201
    else:
        assert (await patch_partner(ecps, **PATCHES[reason])).status_code == 200

    engagement = await an_engagement(ecps, case)
    assert [step["state"] for step in engagement["history"]] == [
        "requested",
        "not_openable",
        "requested",
        "eligible",
        "submitting",
    ]
    assert engagement["reason"] is None
    assert engagement["agreement_reference"] == ("AG-1" if reason == "no_agreement" else None)
    assert [each.again for each in await ecps.events(PartnerEngagementRequested)] == [False, True]


@pytest.mark.promise("S7")
async def test_an_agreement_counts_from_its_first_day_until_its_last(ecps: Harness) -> None:
    await a_partner(ecps, requires_agreement=True)
    case = await a_case_with_wish(ecps)
    today = (await ecps.now()).date()
    ended = await an_agreement(ecps, valid_until=str(today - timedelta(days=2)))
    begins = await an_agreement(ecps, reference="AG-2", valid_from=str(today + timedelta(days=3)))
    assert (ended.status_code, begins.status_code) == (201, 201)
    assert (await an_engagement(ecps, case))["reason"] == "no_agreement"

    await ecps.advance(timedelta(days=4))

    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["agreement_reference"]) == ("submitting", "AG-2")


async def test_a_second_lack_is_said_when_the_first_is_gone(ecps: Harness) -> None:
    await a_partner(ecps, permits_direct_work=False, requires_agreement=True)
    case = await a_case_with_wish(ecps)
    await patch_partner(ecps, permits_direct_work=True)
    await patch_partner(ecps, name="Cloud Inc.")
    assert [no.reason for no in await ecps.events(PartnerTicketNotOpenable)] == ["not_permitted", "no_agreement"]
    assert (await an_engagement(ecps, case))["state"] == "not_openable"


async def test_a_partner_nobody_knows_yet_is_not_approved_until_it_is_added(ecps: Harness) -> None:
    case = await a_case_with_wish(ecps)
    assert (await an_engagement(ecps, case))["reason"] == "not_approved"
    await a_partner(ecps)
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["partner_name"]) == ("submitting", "Cloud")


@pytest.mark.promise("S9")
async def test_a_refused_ticket_is_tried_again_when_the_customer_asks_again(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    await company.faults(reject=True)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    [no] = await ecps.events(PartnerTicketNotOpenable)
    assert no.reason == "partner_rejected"
    assert "tickets of this customer are not accepted" in no.explanation

    await company.faults()
    await ecps.deliver(case.asked(30))
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "opened"


async def test_a_partner_out_of_reach_is_tried_again_by_time(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    await company.faults(unavailable=True)
    case = await a_case_with_wish(ecps)
    async with ecps.transaction() as tx:
        await tx.connection.execute("UPDATE jobs SET attempt = 7, last_error = $1", NOTHING_SENT)  # the last is next
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["reason"] == "unreachable"

    await company.faults()
    await ecps.advance(timedelta(minutes=16))
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "opened"
    assert len(await company.tickets()) == 1


async def test_without_the_customers_wish_or_a_standing_diagnosis_nothing_begins(ecps: Harness) -> None:
    await a_partner(ecps)
    unasked, elsewhere, withdrawn = ACase(), ACase(), ACase()
    await ecps.deliver(unasked.opened(), unasked.diagnosed(), together=True)
    await ecps.deliver(
        elsewhere.opened(), elsewhere.diagnosed(domain="hardware", partner=False), elsewhere.asked(), together=True
    )
    await ecps.deliver(
        withdrawn.opened(), withdrawn.diagnosed(), withdrawn.withdrawn(), withdrawn.asked(30), together=True
    )
    assert await ecps.events() == []


async def test_a_diagnosis_without_a_partner_is_about_the_one_that_was_asked_for(ecps: Harness) -> None:
    await a_partner(ecps)
    case = ACase()
    await ecps.deliver(case.opened(), case.asked(), case.diagnosed(partner=False), together=True)
    assert (await an_engagement(ecps, case))["partner_id"] == str(PARTNER)


async def test_a_withdrawn_diagnosis_stops_what_has_not_been_submitted(ecps: Harness) -> None:
    await a_partner(ecps, requires_agreement=True)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.withdrawn())
    [gone] = await ecps.events(PartnerTicketWithdrawn)
    assert gone.withdrawn_at == case.at(20)
    assert (await an_agreement(ecps)).status_code == 201
    assert (await an_engagement(ecps, case))["state"] == "withdrawn"
