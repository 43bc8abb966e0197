"""What was missed stays missed, and each late round is told."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.cases_work import WorkaroundProvided
from libs.events.escalation import BreachJoined, ClockMet, ClockStopped, EscalationRaised, ThresholdBreached
from services.escalation.tests.builders import ACase, a_case, now_after
from services.escalation.tests.test_policy_change import change
from tests.support.harness import Harness


async def clocks(escalation: Harness, case: ACase, kind: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await escalation.get(f"/v1/clocks?case_id={case.id}&kind={kind}")).json()["items"]
    return sorted(items, key=lambda clock: (clock["epoch"], clock["round"]))


def said(instant: Any) -> str:
    return str(instant.isoformat().replace("+00:00", "Z"))


@pytest.mark.promise("S24")
async def test_an_answer_after_the_severity_was_lowered_is_late_still(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.advance(timedelta(minutes=40))
    await escalation.deliver(case.severity_changed("minor", await now_after(escalation, case)))
    [clock] = await clocks(escalation, case, "first_response")
    assert (clock["state"], clock["in_time"], clock["missed_at"]) == ("running", False, said(case.at(30)))

    await escalation.deliver(case.responded(await now_after(escalation, case)))
    [clock] = await clocks(escalation, case, "first_response")
    assert (clock["state"], clock["in_time"], clock["priority"]) == ("met", False, "P4")
    [met] = [each for each in await escalation.events(ClockMet) if each.clock == "first_response"]
    assert (met.in_time, met.missed_at) == (False, case.at(30))
    assert met.due_at > met.met_at  # what was due then
    hundred = [each.due_at for each in await escalation.events(ThresholdBreached) if each.percent == 100]
    assert hundred == [case.at(30)]


async def test_a_miss_that_the_timers_had_no_time_for_fires_though_the_severity_was_lowered(
    escalation: Harness,
) -> None:
    case = await a_case(escalation)
    await escalation._hop(case.at(40))
    await escalation.deliver(case.severity_changed("minor", 40))
    await escalation.fire_timers()

    found = [(e.rule, e.percent, e.due_at, e.priority) for e in await escalation.events(ThresholdBreached)]
    assert found == [("first_response", 75, case.at(22.5), "P1"), ("first_response", 100, case.at(30), "P1")]
    assert len(await escalation.events(EscalationRaised)) == 1


async def test_what_was_lowered_in_time_is_not_missed(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.severity_changed("minor", 29))
    await escalation.advance(timedelta(minutes=50))
    await escalation.deliver(case.responded(await now_after(escalation, case)))

    [clock] = await clocks(escalation, case, "first_response")
    assert (clock["in_time"], clock["missed_at"]) == (True, None)
    assert [each.percent for each in await escalation.events(ThresholdBreached)] == [75]


async def test_a_milder_policy_excuses_nothing_that_was_missed_before(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.advance(timedelta(minutes=40))
    await change(escalation, {"first_response": {f"P{each}": {"minutes": 300} for each in (1, 2, 3, 4)}})
    await escalation.fire_timers()
    await escalation.deliver(case.responded(await now_after(escalation, case)))

    [clock] = await clocks(escalation, case, "first_response")
    assert (clock["state"], clock["in_time"], clock["missed_at"]) == ("met", False, said(case.at(30)))


async def test_a_missed_clock_that_stops_with_its_case_or_is_met_by_a_workaround_was_missed(
    escalation: Harness,
) -> None:
    case = await a_case(escalation)
    await escalation.advance(timedelta(minutes=150))
    at = await now_after(escalation, case)
    workaround = WorkaroundProvided(
        case_id=case.id,
        kind="workaround",
        text="Pull the plug",
        appropriate_because="It works",
        by="engineer:1",
        provided_at=case.at(at),
    )
    await escalation.deliver(workaround, case.cancelled(at + 1))

    [first] = await clocks(escalation, case, "first_response")
    late, fresh = await clocks(escalation, case, "update")
    assert [(each["state"], each["in_time"]) for each in (first, late, fresh)] == [
        ("stopped", False),
        ("met", False),
        ("stopped", None),
    ]
    stopped = {each.clock: each.missed_at for each in await escalation.events(ClockStopped)}
    assert stopped == {"first_response": case.at(30), "update": None, "resolution": None}


@pytest.mark.promise("S24")
async def test_each_late_update_and_each_standstill_is_told(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.responded(0))
    spoke = [0.0]
    for _ in range(2):
        await escalation.advance(timedelta(minutes=250))
        spoke.append(await now_after(escalation, case))
        await escalation.deliver(case.noted(spoke[-1]))
    await escalation.advance(timedelta(minutes=250))

    found = [e for e in await escalation.events(ThresholdBreached) if e.rule in ("update", "no_progress")]
    due = {(e.rule, e.percent, e.round): e.due_at for e in found}
    assert len(due) == len(found)
    begun = [case.at(minutes) for minutes in spoke]
    after = {("update", 75): 90, ("update", 100): 120, ("no_progress", None): 240}
    assert due == {
        (rule, percent, number): start + timedelta(minutes=minutes)
        for number, start in enumerate(begun)
        for (rule, percent), minutes in after.items()
    }
    calls = [e.breach_id for e in found if e.raises_escalation]
    collected = [e.breach_id for e in await escalation.events(EscalationRaised)]
    collected += [e.breach_id for e in await escalation.events(BreachJoined)]
    assert set(calls) <= {*collected}


async def test_a_word_heard_late_renumbers_the_rounds_and_fires_none_of_them_twice(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.responded(0), case.noted(200))
    await escalation.advance(timedelta(minutes=330))
    await escalation.deliver(case.noted(100))  # between the two
    await escalation.fire_timers()

    late = [e for e in await escalation.events(ThresholdBreached) if (e.rule, e.percent) == ("update", 100)]
    assert [(e.round, e.due_at) for e in late] == [(0, case.at(120)), (1, case.at(320))]
    assert [(each["started_at"], each["in_time"]) for each in await clocks(escalation, case, "update")] == [
        (said(case.at(0)), True),
        (said(case.at(100)), True),
        (said(case.at(200)), None),
    ]
