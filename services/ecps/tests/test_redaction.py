"""What was taken out of a case is kept nowhere here, whichever of the two is heard first, and goes to no partner any more."""

from random import Random
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.cases_work import TextRedacted
from libs.events.values import RedactedText
from services.ecps.tests.builders import (
    WHO,
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_opened_engagement,
    notice,
)
from services.ecps.tests.test_notes_both_ways import deliveries, said
from tests.support.harness import Harness

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
