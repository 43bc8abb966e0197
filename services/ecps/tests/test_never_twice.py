"""A partner's side has no idempotency, and its search may come late or ignore what we ask: still one ticket (S6)."""

import pytest

from services.ecps.connectors import tmf621
from services.ecps.tests.builders import (
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    doubts,
    open_and_crash,
    pass_minutes,
)
from tests.support.harness import Harness


async def a_case_whose_answer_was_lost(ecps: Harness, company: PartnerSystem, **faults: float) -> ACase:
    await a_partner(ecps, company)
    await company.faults(lose_answer_rate=1, **faults)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "outcome_unknown"
    return case


async def test_a_search_that_comes_late_makes_no_second_ticket(ecps: Harness, company: PartnerSystem) -> None:
    case = await a_case_whose_answer_was_lost(ecps, company)
    await company.faults(search_lag_seconds=3600)
    await pass_minutes(ecps, 8)
    assert (await an_engagement(ecps, case))["state"] == "outcome_unknown"

    await company.faults()
    await pass_minutes(ecps, 3)

    engagement = await an_engagement(ecps, case)
    [ticket] = await company.tickets()
    assert (engagement["state"], engagement["ticket_number"]) == ("opened", ticket["id"])


async def test_a_ticket_that_was_never_made_is_made_after_every_look(ecps: Harness, company: PartnerSystem) -> None:
    case = await a_case_whose_answer_was_lost(ecps, company, forget_rate=1)
    await company.faults()
    await pass_minutes(ecps, 9)
    assert await company.tickets() == []
    await pass_minutes(ecps, 5)

    engagement = await an_engagement(ecps, case)
    assert [step["state"] for step in engagement["history"]][-3:] == ["outcome_unknown", "submitting", "opened"]
    assert len(await company.tickets()) == 1


@pytest.mark.parametrize("lag", [0, 3600])
async def test_a_crash_between_the_call_and_its_record_makes_no_second_ticket(
    ecps: Harness, company: PartnerSystem, lag: int
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await open_and_crash(ecps, case)

    await company.faults(search_lag_seconds=lag)
    await ecps.run_jobs()

    await company.faults()
    [ticket] = await company.tickets()
    engagement = await an_engagement(ecps, case)
    expected = ("outcome_unknown", None) if lag else ("opened", ticket["id"])
    assert (engagement["state"], engagement["ticket_number"]) == expected


async def test_an_attempt_that_got_nowhere_leaves_nothing_to_look_for(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    await company.faults(unavailable=True)
    case = await a_case_with_wish(ecps)
    async with ecps.service.jobs.client() as http:
        await ecps.service.jobs.run_due(ecps.database, http)
    await company.faults(search_lag_seconds=3600)
    async with ecps.transaction() as tx:
        await tx.connection.execute("UPDATE jobs SET due_at = clock_timestamp()")
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "opened"
    await company.faults()
    assert len(await company.tickets()) == 1


async def test_a_list_without_an_end_proves_nothing_until_somebody_has_looked(
    ecps: Harness, company: PartnerSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tmf621, "_PAGE", 2)
    monkeypatch.setattr(tmf621, "_PAGES", 2)
    for number in range(6):
        await company.has_a_ticket(f"OTHER-{number}")
    case = await a_case_whose_answer_was_lost(ecps, company, forget_rate=1)
    before = doubts("search_unusable")
    await company.faults(deaf=True)
    await pass_minutes(ecps, 32)

    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], len(await company.tickets())) == ("outcome_unknown", 6)
    assert "searched by hand" in engagement["history"][-1]["reason"]
    assert doubts("search_unusable") - before >= 3

    assert (await ecps.post(f"{case.path}/no-ticket", role="customer", accounts=[])).status_code == 403
    assert (await ecps.post(f"{case.path}/no-ticket")).json()["state"] == "submitting"
    await ecps.run_jobs()
    assert (await an_engagement(ecps, case))["state"] == "opened"
    assert len(await company.tickets()) == 7
    again = await ecps.post(f"{case.path}/no-ticket")
    assert (again.status_code, again.json()["state"]) == (409, "opened")


async def test_a_withdrawn_engagement_is_looked_for_and_what_is_found_is_ended(
    ecps: Harness, company: PartnerSystem
) -> None:
    case = await a_case_whose_answer_was_lost(ecps, company)
    await ecps.deliver(case.cancelled())
    await company.faults(search_lag_seconds=3600)
    await pass_minutes(ecps, 5)
    await company.faults()
    await pass_minutes(ecps, 6)
    [ticket] = await company.tickets()
    assert ticket["status"] == "cancelled"
