"""A ticket is ours only when it carries our reference, and a notice only when it carries our number (S6, S8)."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.ecps import PartnerTicketClosed, PartnerTicketNotOpenable, PartnerTicketUpdated
from libs.store.ids import new_id
from services.ecps.connectors import tmf621
from services.ecps.tests.builders import (
    ACCOUNT,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    an_opened_engagement,
    doubts,
    notice,
)
from tests.support.harness import Harness


@pytest.mark.promise("S6")
@pytest.mark.parametrize("others", [1, 5])
@pytest.mark.parametrize("faults", [{"deaf": True}, {"deaf": True, "sparse": True}, {"sparse": True}])
async def test_a_partner_deaf_to_our_filter_does_not_hand_us_another_companys_ticket(
    ecps: Harness, company: PartnerSystem, monkeypatch: pytest.MonkeyPatch, faults: dict[str, bool], others: int
) -> None:
    monkeypatch.setattr(tmf621, "_PAGE", 2)
    for number in range(others):
        await company.has_a_ticket(f"OTHER-COMPANY-{number}")
    await company.faults(**faults)
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.noted("Our meeting PIN is 4471"))
    await ecps.run_jobs()

    engagement = await an_engagement(ecps, case)
    await company.faults()
    ours, *theirs = await company.tickets()
    assert ours["externalIdentifier"][0]["id"] == engagement["our_reference"]
    assert (engagement["state"], engagement["ticket_number"]) == ("opened", ours["id"])
    assert [note["text"].split("\n")[0] for note in ours["note"]] == ["customer: Our meeting PIN is 4471"]
    assert len(theirs) == others
    assert not any(ticket.get("note") for ticket in theirs)


@pytest.mark.parametrize("faults", [{"deaf": True}, {"sparse": True}, {"deaf": True, "sparse": True}])
async def test_our_ticket_is_found_among_others_by_what_it_carries(
    ecps: Harness, company: PartnerSystem, monkeypatch: pytest.MonkeyPatch, faults: dict[str, bool]
) -> None:
    monkeypatch.setattr(tmf621, "_PAGE", 2)
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    reference = (await an_engagement(ecps, case))["our_reference"]
    ours = await company.has_a_ticket(reference)
    for number in range(4):
        await company.has_a_ticket(f"{reference}{number}")
    await company.faults(**faults)
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["ticket_number"] == ours["id"]
    await company.faults()
    assert len(await company.tickets()) == 5


async def test_a_new_ticket_that_does_not_carry_our_reference_is_not_known_to_be_ours(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    await company.faults(anonymous=True)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.noted("Our meeting PIN is 4471"))
    await ecps.run_jobs()
    [ticket] = await company.tickets()
    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["ticket_number"]) == ("outcome_unknown", None)

    recorded = await ecps.post(f"{case.path}/ticket", {"ticket_number": ticket["id"]})
    assert recorded.json()["state"] == "opened"
    before = doubts("not_ours")
    await ecps.run_jobs()
    notes = (await ecps.get(f"{case.path}/notes")).json()["items"]
    assert [(note["text"], note["delivery"]) for note in notes] == [("Our meeting PIN is 4471", "by_hand")]
    assert doubts("not_ours") == before + 1
    assert (await company.tickets())[0].get("note", []) == []


async def test_a_ticket_that_stands_for_another_engagement_is_refused_and_said(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    first, second = await a_case_with_wish(ecps), await a_case_with_wish(ecps)
    reference = (await an_engagement(ecps, second))["our_reference"]
    shared = await company.has_a_ticket(reference)
    assert (await ecps.post(f"{first.path}/ticket", {"ticket_number": shared["id"]})).status_code == 200
    before = doubts("number_taken")
    await ecps.run_jobs()

    engagement = await an_engagement(ecps, second)
    assert (engagement["state"], engagement["reason"]) == ("not_openable", "partner_rejected")
    assert doubts("number_taken") == before + 1
    [no] = await ecps.events(PartnerTicketNotOpenable)
    told = (await ecps.get(second.path, role="customer", accounts=[ACCOUNT])).text
    assert shared["id"] not in no.model_dump_json() + told
    assert (await an_engagement(ecps, first))["ticket_number"] == shared["id"]
    async with ecps.transaction() as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM jobs") == 0


async def test_a_taken_number_told_while_the_outcome_is_unknown_is_refused_too(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    first = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    taken = (await an_engagement(ecps, first))["ticket_number"]
    await company.faults(lose_answer_rate=1, forget_rate=1)
    second = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    reference = (await an_engagement(ecps, second))["our_reference"]
    await notice(ecps, our_reference=reference, partner_reference=taken)
    engagement = await an_engagement(ecps, second)
    assert (engagement["state"], engagement["reason"]) == ("not_openable", "partner_rejected")
    await ecps.advance(timedelta(minutes=11))
    assert (await an_engagement(ecps, second))["state"] == "not_openable"


STRANGE: list[dict[str, Any]] = [
    {"partner_reference": "TT-DUPLICATE"},
    {"partner_reference": None},
    {"our_reference": "OTHER-COMPANY-77"},
    {"our_reference": None, "partner_reference": "TT-11"},
]


@pytest.mark.promise("S8")
@pytest.mark.parametrize("strange", STRANGE)
async def test_a_notice_that_does_not_carry_our_number_changes_nothing(ecps: Harness, strange: dict[str, Any]) -> None:
    case = await an_opened_engagement(ecps)
    reference = (await an_engagement(ecps, case))["our_reference"]
    told = {"our_reference": reference, "partner_reference": "TT-1", "kind": "closed", "text": "a duplicate"} | strange
    before = await ecps.state()
    answer = await notice(ecps, **told)
    assert (answer.status_code, answer.json()["known"]) == (202, False)
    assert await ecps.state() == before
    assert await ecps.events(PartnerTicketClosed) == []


@pytest.mark.promise("S8")
async def test_two_partners_may_have_a_ticket_of_the_same_number(ecps: Harness) -> None:
    secrets = ["whsec_" + letter * 32 for letter in "BC"]
    first = await an_opened_engagement(ecps, credentials={"webhook_secret": secrets[0]})
    second = await an_opened_engagement(ecps, id=new_id(), code="other", credentials={"webhook_secret": secrets[1]})
    for case, secret in ((second, secrets[1]), (first, secrets[0])):
        assert (await notice(ecps, secret=secret, text="On it")).json() == {"known": True, "repeated": False}
        assert (await an_engagement(ecps, case))["state"] == "in_progress"
    assert [update.engagement_id for update in await ecps.events(PartnerTicketUpdated)] == [
        second.engagement_id,
        first.engagement_id,
    ]
