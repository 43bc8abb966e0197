"""What would fire when, without telling anybody."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from libs.events.escalation import (
    BreachJoined,
    EscalationRaised,
    EscalationStepped,
    EscalationUnanswered,
    ThresholdBreached,
)
from services.escalation.tests.builders import ACCOUNT, a_case
from services.escalation.tests.test_escalations import a_policy, step
from services.escalation.tests.test_misses import said
from tests.support.harness import Harness

HISTORY = [
    {"kind": "opened", "at": "2026-03-02T09:00:00+07:00", "severity": "critical", "priority": "P1"},
    {"kind": "responded", "at": "2026-03-02T09:10:00+07:00"},
    {
        "kind": "wait_began",
        "at": "2026-03-02T10:00:00+07:00",
        "wait": "partner",
        "wait_id": "01890000-0000-7000-8000-000000000001",
    },
    {
        "kind": "wait_ended",
        "at": "2026-03-02T11:00:00+07:00",
        "wait": "partner",
        "wait_id": "01890000-0000-7000-8000-000000000001",
    },
]
STEP = {"calls": [{"kind": "duty_manager"}], "minutes_to_next": 20}


async def test_a_history_and_a_policy_tell_what_fires_when(escalation: Harness) -> None:
    run = {"history": HISTORY, "steps": [STEP, STEP], "settings": {"repeat": 1}, "until": "2026-03-02T18:05:00+07:00"}
    answer = await escalation.post("/v1/escalation-dry-runs", run)

    assert answer.status_code == 200
    resolution = [each for each in answer.json()["items"] if each["rule"] == "resolution"]
    assert [(each["percent"], each["due_at"], each["raises_escalation"]) for each in resolution] == [
        (75, "2026-03-02T09:00:00Z", False),
        (100, "2026-03-02T11:00:00Z", True),
    ]
    assert [(step["step"], step["repeat"], step["at"]) for step in resolution[1]["steps"]] == [
        (1, 0, "2026-03-02T11:00:00Z")
    ]
    [raises] = [each for each in answer.json()["items"] if each["raises_escalation"] and not each["joins"]]
    assert (raises["rule"], raises["due_at"], resolution[1]["joins"]) == ("update", "2026-03-02T04:10:00Z", True)
    at = [f"2026-03-02T0{time}:00Z" for time in ("4:10", "4:30", "4:50", "5:10")]
    assert [(step["step"], step["repeat"], step["at"]) for step in raises["steps"]] == [
        (1, 0, at[0]),
        (2, 0, at[1]),
        (1, 1, at[2]),
        (2, 1, at[3]),
    ]
    # until no_progress, at eight, begins the steps anew
    assert raises["unanswered"] == [f"2026-03-02T0{hour}:30:00Z" for hour in (5, 6, 7)]
    met = [clock for clock in answer.json()["clocks"] if clock["kind"] == "first_response"]
    assert [(clock["state"], clock["ended_at"]) for clock in met] == [("met", "2026-03-02T02:10:00Z")]
    assert await escalation.outbox() == []


async def test_a_dry_run_of_a_case_foretells_what_then_fires(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.responded(1), case.pending("partner", 2), case.resumed("partner", 30))
    foretold = (await escalation.post("/v1/escalation-dry-runs", {"case_id": str(case.id)})).json()["items"]
    await escalation.advance(timedelta(days=2))

    fired = [(e.rule, e.percent, e.due_at) for e in await escalation.events(ThresholdBreached)]
    assert [(each["rule"], each["percent"]) for each in foretold] == [(rule, percent) for rule, percent, _ in fired]
    assert [each["due_at"] for each in foretold] == [due.isoformat().replace("+00:00", "Z") for _, _, due in fired]


async def test_nothing_falls_due_while_the_customer_is_waited_for(escalation: Harness) -> None:
    asked = [HISTORY[0], HISTORY[1], {**HISTORY[2], "wait": "customer"}]
    told = (await escalation.post("/v1/escalation-dry-runs", {"history": asked})).json()
    assert told["items"] == []
    assert {clock["kind"]: clock["state"] for clock in told["clocks"]}["update"] == "paused"

    answered = [*asked, {**HISTORY[3], "wait": "customer"}]
    told = (await escalation.post("/v1/escalation-dry-runs", {"history": answered})).json()["items"]
    assert [each["due_at"] for each in told if each["rule"] == "update"] == [
        "2026-03-02T04:40:00Z",
        "2026-03-02T05:10:00Z",
    ]


async def test_a_dry_run_foretells_who_is_called_when_what_joins_and_when_nobody_answered(escalation: Harness) -> None:
    steps = [step("An", minutes=20), step("Binh", minutes=40)]
    await a_policy(escalation, *steps, repeat=0)
    case = await a_case(escalation)
    run = {"case_id": str(case.id), "steps": steps, "settings": {"repeat": 0}, "until": said(case.at(25.5 * 60))}
    items = (await escalation.post("/v1/escalation-dry-runs", run)).json()["items"]
    await escalation.advance(timedelta(hours=25.5))

    def at(instant: Any) -> int:
        moment = instant if isinstance(instant, datetime) else datetime.fromisoformat(instant)
        return round((moment - case.opened_at).total_seconds() / 60)

    calls = [each for each in items if each["raises_escalation"]]
    assert [each["rule"] for each in calls if not each["joins"]] == [
        each.reason for each in await escalation.events(EscalationRaised)
    ]
    assert [each["rule"] for each in calls if each["joins"]] == [
        each.reason for each in await escalation.events(BreachJoined)
    ]
    assert [(at(called["at"]), called["step"], called["repeat"]) for each in calls for called in each["steps"]] == [
        (at(each.stepped_at), each.step, each.repeat) for each in await escalation.events(EscalationStepped)
    ]
    told = [
        at(each.unanswered_at + (each.call - 1) * timedelta(hours=1))
        for each in await escalation.events(EscalationUnanswered)
    ]
    assert [at(instant) for each in calls for instant in each["unanswered"]] == told


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ({}, "give either a history or a case_id"),
        ({"history": []}, "a history begins with the case being opened"),
        ({"history": [{"kind": "opened", "at": "2026-03-02T09:00:00Z"}]}, "opened needs a severity and a priority"),
        ({"history": HISTORY, "settings": {"percents": [0]}}, "a percentage lies between 1 and 1000"),
        ({"history": HISTORY, "settings": {"luck": 1}}, "luck"),
        ({"history": HISTORY, "case_id": "01890000-0000-7000-8000-000000000001"}, "give either a history or a case_id"),
    ],
)
async def test_a_run_that_makes_no_sense_is_refused(escalation: Harness, run: object, why: str) -> None:
    refused = await escalation.post("/v1/escalation-dry-runs", run)
    assert (refused.status_code, why in refused.text) == (422, True)


async def test_a_customer_may_not_ask(escalation: Harness) -> None:
    answer = await escalation.post("/v1/escalation-dry-runs", {"history": HISTORY}, role="customer", accounts=[ACCOUNT])
    assert answer.status_code == 403
