"""A draft of the numbers held against those in force: over a told history, over a case's own, over the open cases."""

from datetime import timedelta
from typing import Any

import pytest

from services.escalation.tests.builders import a_case
from services.escalation.tests.test_dry_run import HISTORY, STEP
from services.escalation.tests.test_escalations import a_policy, step
from tests.support.harness import Harness

FAST = {"P1": {"minutes": 240}, "P2": {"days": 1, "business": True}}
SLOW = {"P3": {"days": 5, "business": True}, "P4": {"days": 10, "business": True}}


def resolution(minutes: int) -> dict[str, Any]:
    return {"resolution": {**FAST, **SLOW, "P1": {"minutes": minutes}}}


async def keep(escalation: Harness, settings: dict[str, Any], **selectors: str) -> None:
    body = {"settings": settings, "why": "for the test", **selectors}
    assert (await escalation.post("/v1/escalation-policies", body, role="manager")).status_code == 201


async def run(escalation: Harness, **body: Any) -> Any:
    answer = await escalation.post("/v1/escalation-dry-runs", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def due(told: Any, rule: str = "resolution", percent: int = 100) -> str:
    [found] = [each["due_at"] for each in told["items"] if (each["rule"], each["percent"]) == (rule, percent)]
    assert isinstance(found, str)
    return found


async def test_a_run_starts_from_what_is_in_force(escalation: Harness) -> None:
    await keep(escalation, resolution(240))
    told = await run(escalation, history=HISTORY[:2])
    assert (due(told), told["differences"]) == ("2026-03-02T06:00:00Z", [])
    changed = await run(escalation, history=HISTORY[:2], settings={"reopenings": 3})
    # The draft takes the place of the version for the same selectors: its resolution is the seeded one again.
    assert due(changed) == "2026-03-02T10:00:00Z"
    assert [(each["rule"], each["percent"]) for each in changed["differences"]] == [
        ("resolution", 75),
        ("resolution", 100),
    ]


async def test_a_draft_is_overridden_by_what_weighs_more(escalation: Harness) -> None:
    await keep(escalation, resolution(240), plan="gold", region="DE")
    told = await run(escalation, history=HISTORY[:2], plan="gold", region="DE", settings=resolution(60))
    assert due(told) == "2026-03-02T03:00:00Z"
    told = await run(escalation, history=HISTORY[:2], region="DE", settings=resolution(60))
    assert due(told) == "2026-03-02T03:00:00Z"

    case = await a_case(escalation)
    await escalation.deliver(case.covered(plan="gold", country="DE", time_zone="Europe/Berlin"))
    lighter = await run(escalation, case_id=str(case.id), region="DE", settings=resolution(60))
    assert lighter["differences"] == []
    same = await run(escalation, case_id=str(case.id), region="DE", plan="gold", settings=resolution(60))
    assert [(each["percent"], each["in_force"]["due_at"], each["draft"]["due_at"]) for each in same["differences"]] == [
        (percent, said(case.at(now)), said(case.at(then))) for percent, now, then in ((75, 180, 45), (100, 240, 60))
    ]
    other = await run(escalation, case_id=str(case.id), region="FR", settings=resolution(60))
    assert other["differences"] == []


def said(instant: Any) -> str:
    return str(instant.isoformat().replace("+00:00", "Z"))


async def test_what_fires_only_under_one_of_the_two_is_told(escalation: Harness) -> None:
    case = await a_case(escalation)
    told = await run(escalation, case_id=str(case.id), settings={"percents": [50, 100], "raise_from": 50})
    found = {
        (each["rule"], each["percent"]): (each["in_force"], each["draft"])
        for each in told["differences"]
        if each["rule"] == "resolution"
    }
    assert found["resolution", 75][1] is None
    assert found["resolution", 50] == (
        None,
        {"due_at": said(case.at(240)), "priority": "P1", "raises_escalation": True},
    )
    assert ("resolution", 100) not in found


async def test_the_open_cases_for_which_a_draft_changes_something(escalation: Harness) -> None:
    german, other = await a_case(escalation), await a_case(escalation)
    await escalation.deliver(german.covered(country="DE", time_zone="Europe/Berlin"), other.covered())
    over = await a_case(escalation)
    await escalation.deliver(over.covered(country="DE", time_zone="Europe/Berlin"), over.resolved(1))
    await escalation.advance(timedelta(hours=7))
    told = await run(escalation, open_cases=True, region="DE", settings=resolution(600))
    assert (told["cases_looked_at"], [each["case_id"] for each in told["cases"]]) == (2, [str(german.id)])
    # 75 % has fired by now, and what was passed stays passed.
    assert [(each["rule"], each["percent"]) for each in told["cases"][0]["differences"]] == [("resolution", 100)]
    assert (await run(escalation, open_cases=True))["cases"] == []


async def test_without_steps_of_a_draft_those_in_force_are_foretold(escalation: Harness) -> None:
    await a_policy(escalation, step("An", minutes=5), step("Binh", minutes=7), repeat=0)
    told = await run(escalation, history=HISTORY[:1])
    [raises] = [each for each in told["items"] if each["raises_escalation"] and not each["joins"]]
    assert [each["step"] for each in raises["steps"]] == [1, 2]
    draft = await run(escalation, history=HISTORY[:1], steps=[STEP], settings={"repeat": 0})
    [raises] = [each for each in draft["items"] if each["raises_escalation"] and not each["joins"]]
    assert [each["step"] for each in raises["steps"]] == [1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"open_cases": True, "history": HISTORY}, 422),
        ({"open_cases": False}, 422),
        ({"open_cases": True, "settings": {"luck": 1}}, 422),
        ({"open_cases": True, "region": "Germany"}, 422),
    ],
)
async def test_a_preview_that_makes_no_sense_is_refused(escalation: Harness, body: Any, status: int) -> None:
    assert (await escalation.post("/v1/escalation-dry-runs", body)).status_code == status
