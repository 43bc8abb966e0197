"""The partner's response time, and up their procedure when it passes (S4, S8, S10)."""

from datetime import timedelta

import pytest

from libs.events.ecps import PartnerSilent
from services.ecps.tests.builders import (
    ACase,
    PartnerSystem,
    a_case_with_wish,
    a_partner,
    an_engagement,
    an_opened_engagement,
)
from tests.support.harness import Harness

MINUTE = timedelta(minutes=1)


async def say(ecps: Harness, case: ACase, kind: str, text: str = "hello") -> None:
    answer = await ecps.post(f"{case.path}/partner-updates", {"kind": kind, "text": text, "status": None})
    assert answer.status_code == 200, answer.text


@pytest.mark.promise("S4", "S8", "S10")
async def test_silence_goes_up_the_partners_levels_until_none_is_left(ecps: Harness, company: PartnerSystem) -> None:
    await a_partner(ecps, company)
    case = await a_case_with_wish(ecps)
    await ecps.run_jobs()
    await ecps.advance(29 * MINUTE)
    assert await ecps.events(PartnerSilent) == []
    await ecps.advance(2 * MINUTE)
    await ecps.advance(24 * 60 * MINUTE)
    await ecps.run_jobs()

    silences = await ecps.events(PartnerSilent)
    assert [s.level for s in silences] == [1, 2, 2]
    due = [s.response_due - silences[0].response_due for s in silences]
    assert [round(each / MINUTE) for each in due] == [0, 60, 180]
    [ticket] = await company.tickets()
    said = sorted(note["text"].split("\n")[0].rpartition("this goes to ")[2] for note in ticket["note"])
    assert said == ["level 1.", "level 2."]
    history = (await an_engagement(ecps, case))["history"]
    assert [each["reason"] for each in history if "silent" in each["reason"]] == [
        "the partner is silent; called level 1",
        "the partner is silent; called level 2",
        "the partner is silent; no level is left",
    ]


@pytest.mark.promise("S4")
async def test_an_answer_begins_the_time_anew_and_is_measured(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await ecps.advance(20 * MINUTE)
    await say(ecps, case, "note")
    await ecps.advance(20 * MINUTE)
    assert await ecps.events(PartnerSilent) == []
    await ecps.advance(11 * MINUTE)
    [silence] = await ecps.events(PartnerSilent)
    engagement = await an_engagement(ecps, case)
    assert abs(engagement["partner_response_seconds"] - 20 * 60) < 60
    assert silence.last_heard_at is not None


async def test_nobody_is_silent_while_it_is_our_turn_or_the_case_is_resolved(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await say(ecps, case, "information_required")
    await ecps.advance(60 * MINUTE)
    now = (await ecps.now() - case.opened_at) / MINUTE
    await ecps.deliver(case.noted("The answer", now), case.resolved(now + 1), together=True)
    await ecps.advance(60 * MINUTE)
    assert await ecps.events(PartnerSilent) == []
    now = (await ecps.now() - case.opened_at) / MINUTE
    await ecps.deliver(ecps.delivery(case.reopened(now), at=case.at(now)))
    await ecps.advance(31 * MINUTE)
    assert len(await ecps.events(PartnerSilent)) == 1
