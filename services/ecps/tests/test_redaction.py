"""What was taken out of a case is kept nowhere here, whichever of the two is heard first, and goes to no partner any more."""

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.cases_work import TextRedacted
from libs.events.ecps import PartnerEngagementRequested
from libs.events.values import RedactedText
from services.ecps.tests.builders import (
    WHO,
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    an_opened_engagement,
    notice,
)
from services.ecps.tests.test_notes_both_ways import deliveries, said
from tests.support.harness import Harness
from tests.support.taking_out import SAID, fact_saying
from tests.support.taking_out import everything as kept_anywhere
from tests.support.taking_out import taken_out as fact_out

NOTE = "It is hunter2"


def taken_out(case: ACase, what: RedactedText, id: UUID, **more: Any) -> TextRedacted:
    return TextRedacted(case_id=case.id, what=what, id=id, reason="a password", **WHO, redacted_at=case.at(90), **more)


def note_of(case: ACase) -> UUID:
    return uuid5(case.id, NOTE)


async def everything(ecps: Harness) -> str:
    """Every row, and all that was told."""
    rows = [row["data"].decode() for row in await ecps.outbox() if row["data"]]
    return str(await ecps.state()) + str(rows)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False))
async def test_in_any_order_nothing_of_it_is_kept(ecps: Harness, random: Random) -> None:
    await ecps.empty()
    await a_partner(ecps)
    case = ACase(await ecps.now())
    opened = case.opened()
    story = [opened, case.covered(), case.diagnosed(), case.asked(), case.noted(NOTE)]
    words = (opened.description, case.diagnosed().findings, NOTE)
    redactions = [
        taken_out(case, "description", case.id, replacement="(a description)"),
        taken_out(case, "finding", case.diagnosis_id),
        taken_out(case, "note", note_of(case)),
    ]
    told = [*story, *redactions]
    for event in random.sample(told, len(told)):
        await ecps.deliver(event)
    kept = await everything(ecps)
    assert [each for each in words if each in kept] == []
    assert "(a description)" in kept


async def test_the_journey_of_a_text_ends_in_a_rebuild_too(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await ecps.deliver(taken_out(case, "finding", case.diagnosis_id), taken_out(case, "description", case.id))
    assert case.diagnosed().findings not in await everything(ecps)
    assert (await ecps.rebuild("case_files")).differences == []
    document = (await ecps.get(f"{case.path}/findings.json")).json()
    assert (document["findings"], document["reported"]) == ("", "")


async def test_no_calls_row_holds_what_somebody_wrote(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    opening = await payloads(ecps)
    await ecps.run_jobs()
    await ecps.deliver(case.noted(NOTE))
    waiting = opening + await payloads(ecps)
    assert len(waiting) == 2
    assert [word for word in (NOTE, case.opened().description, case.diagnosed().findings) if word in str(waiting)] == []


async def payloads(ecps: Harness) -> list[str]:
    async with ecps.transaction() as tx:
        return [row["payload"] for row in await tx.connection.fetch("SELECT payload FROM jobs")]


async def test_a_note_that_has_not_gone_out_is_withheld_or_says_what_stands_instead(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    other = case.noted("It is swordfish", 31)
    await ecps.deliver(case.noted(NOTE), other)
    await ecps.run_jobs()
    await ecps.deliver(case.noted("Again hunter2", 40))
    await ecps.deliver(
        taken_out(case, "note", uuid5(case.id, "Again hunter2")),
        taken_out(case, "note", other.note_id, replacement="(a password)"),
    )
    await ecps.run_jobs()
    # What the partner has, it has.
    assert sorted(await said(company)) == [f"customer: {NOTE}", "customer: It is swordfish"]
    assert await deliveries(ecps, case) == {NOTE: "sent", "(a password)": "sent", None: "withheld"}


async def test_what_a_partner_said_goes_with_the_note_that_told_it_again(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    assert (await notice(ecps, kind="note", text="Log in with hunter2")).status_code < 300
    [told] = [row["event_id"] for row in await ecps.outbox() if b"hunter2" in (row["data"] or b"")]
    assert "hunter2" in await everything(ecps)
    await ecps.deliver(taken_out(case, "note", note_of(case), source_id=told, replacement="(a password)"))
    assert "hunter2" not in await everything(ecps)
    assert "(a password)" in await deliveries(ecps, case)


async def typed(ecps: Harness, what: str, case: ACase) -> None:
    """Somebody says it, by this command."""
    engagement = await an_engagement(ecps, case)
    path, role = f"/v1/partner-engagements/{engagement['id']}/{what}", "engineer"
    if what in ("held", "cancel", "joint-calls"):
        purpose = SAID if what == "joint-calls" else "a look"
        body: dict[str, Any] = {"case_id": str(case.id), "partner_id": engagement["partner_id"], "purpose": purpose}
        made = await ecps.post("/v1/joint-calls", body, role=role)
        assert made.status_code == 201, made.text
        if what == "joint-calls":
            return
        path = f"/v1/joint-calls/{made.json()['id']}"
        starts = await ecps.now() + timedelta(hours=1)
        window = {"starts": starts.isoformat(), "ends": (starts + timedelta(hours=1)).isoformat()}
        assert (await ecps.post(f"{path}/schedule", {"window": window}, role=role)).status_code == 200
        await ecps.advance(timedelta(hours=2))
        path = f"{path}/{what}"
    bodies = {
        "withdraw": {"reason": SAID},
        "cancel": {"reason": SAID},
        "partner-updates": {"kind": "note", "text": SAID},
        "notes": {"text": SAID},
        "held": {"outcome": "agreed", "actions": [{"what": SAID, "owner": "support"}]},
    }
    answer = await ecps.post(path, bodies[what], role=role)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("what", ["withdraw", "partner-updates", "held", "cancel", "joint-calls"])
async def test_what_was_typed_with_a_command_goes_with_the_fact_that_told_it(ecps: Harness, what: str) -> None:
    case = await an_opened_engagement(ecps)
    await typed(ecps, what, case)
    fact = await fact_saying(ecps)
    assert SAID in await kept_anywhere(ecps)
    await ecps.deliver(fact_out(case.id, fact))
    assert SAID not in await kept_anywhere(ecps)


async def test_what_waits_for_our_credentials_goes_without_what_was_taken_out(
    ecps: Harness, company: PartnerSystem
) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await company.faults(locked_out=True)
    await typed(ecps, "withdraw", case)
    await ecps.run_jobs()
    fact = await fact_saying(ecps)
    await ecps.deliver(fact_out(case.id, fact))
    assert SAID not in await kept_anywhere(ecps)
    await company.faults()
    await ecps.advance(timedelta(minutes=16))
    await ecps.run_jobs()
    [ticket] = await company.tickets()
    assert ticket["status"] == "cancelled"
    assert SAID not in str(ticket)


async def test_a_note_for_the_partner_alone_goes_by_its_instant(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await typed(ecps, "notes", case)
    asked = await fact_saying(ecps, type=PartnerEngagementRequested.contract.ce_type)
    path = f"/v1/partner-engagements/{asked['subject']}/notes"
    [note] = [each for each in (await ecps.get(path)).json()["items"] if each["text"] == SAID]
    await ecps.deliver(fact_out(case.id, {"event_id": asked["event_id"], "time": note["said_at"]}))
    assert SAID not in await kept_anywhere(ecps)


@pytest.mark.parametrize("what", ["cancelled", "withdrawn", "asked"])
async def test_what_was_typed_in_the_case_goes_from_the_case_file_and_what_repeats_it(ecps: Harness, what: str) -> None:
    await a_partner(ecps)
    case = ACase(await ecps.now())
    said = getattr(case, what)().model_copy(update={"message" if what == "asked" else "reason": SAID})
    at = {"cancelled": case.at(60), "withdrawn": case.at(20), "asked": case.at(10)}[what]
    facts = [case.opened(), case.covered(), case.diagnosed(), *([] if what == "asked" else [case.asked()])]
    await ecps.deliver(*facts)
    await ecps.deliver(told := ecps.delivery(said, at=at))
    assert SAID in await kept_anywhere(ecps)
    await ecps.deliver(fact_out(case.id, {"event_id": told.event_id, "time": at}))
    assert SAID not in await kept_anywhere(ecps)
    assert (await ecps.rebuild("case_files")).differences == []
    assert SAID not in await kept_anywhere(ecps)
