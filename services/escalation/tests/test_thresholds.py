"""Thresholds fire when they are due, never early, once; and call the people there are."""

from datetime import timedelta

import pytest

from libs.events.escalation import ClockStarted, EscalationRaised, EscalationStepped, ThresholdBreached
from services.escalation.tests.builders import a_case, a_rota
from tests.support.harness import Harness


@pytest.mark.promise("S24")
async def test_a_case_without_an_answer_passes_75_and_100_percent_and_is_escalated(escalation: Harness) -> None:
    assert (await escalation.post("/v1/rotas", a_rota(), role="manager")).status_code == 201
    case = await a_case(escalation)

    await escalation.advance(timedelta(minutes=22))
    assert await escalation.events(ThresholdBreached) == []
    await escalation.advance(timedelta(minutes=9))

    told, raised = await escalation.events(ThresholdBreached)
    assert (told.rule, told.percent, told.due_at, told.raises_escalation) == (
        "first_response",
        75,
        case.at(22.5),
        False,
    )
    assert (raised.rule, raised.percent, raised.due_at, raised.raises_escalation) == (
        "first_response",
        100,
        case.at(30),
        True,
    )
    assert told.breached_at >= told.due_at
    assert {(each.kind, each.name) for each in told.recipients} == {
        ("duty_manager", "Chi"),
        ("service_management", "Service management"),
    }
    [escalated] = await escalation.events(EscalationRaised)
    assert (escalated.reason, escalated.breach_id, escalated.priority) == ("first_response", raised.breach_id, "P1")
    [step] = await escalation.events(EscalationStepped)
    assert "Chi" in {each.name for each in step.recipients}


async def test_opening_starts_three_clocks(escalation: Harness) -> None:
    case = await a_case(escalation)

    started = {event.clock: event.due_at for event in await escalation.events(ClockStarted)}
    assert started == {"first_response": case.at(30), "update": case.at(120), "resolution": case.at(480)}
    shown = (await escalation.get(f"/v1/clocks?case_id={case.id}")).json()["items"]
    assert [clock["kind"] for clock in shown] == ["first_response", "update", "resolution"]
