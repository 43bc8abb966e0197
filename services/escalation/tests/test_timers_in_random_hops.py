"""However time moves and whatever happens meanwhile: each breach when it is due, never early, once."""

from collections import defaultdict
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events import Event
from libs.events.escalation import BreachJoined, EscalationRaised, ThresholdBreached
from services.escalation.model.case_file import CaseFile
from services.escalation.model.settings import EscalationSettings
from services.escalation.model.thresholds import thresholds
from services.escalation.tests.builders import ACase, a_case, now_after
from tests.support.harness import Harness

HAPPENINGS = ["nothing", "nothing", "noted", "noted", "waits", "answered", "major", "minor", "critical", "over"]
Key = tuple[str, int | None, int, int]


def happening(case: ACase, what: str, minutes: float, waiting: list[str]) -> list[Event]:
    match what:
        case "noted":
            return [case.noted(minutes)]
        case "waits":
            waiting.append(str(len(waiting)))
            return [case.pending("customer", minutes, name=waiting[-1])]
        case "answered" if waiting:
            return [case.resumed("customer", minutes, name=waiting.pop())]
        case "major" | "minor" | "critical":
            return [case.severity_changed(what, minutes)]
        case "over":
            return [case.resolved(minutes), case.reopened(minutes)]
    return []


async def note_what_is_due(escalation: Harness, case: ACase, expected: dict[Key, set[datetime]]) -> None:
    async with escalation.transaction() as tx:
        facts = (await CaseFile.get(case.id, tx)).facts
        found = thresholds(facts, lambda _severity, _at: EscalationSettings())
        for each in found:
            if each.due_at <= tx.now:
                expected[each.rule, each.percent, each.epoch, each.round].add(each.due_at)


@given(
    hops=st.lists(st.tuples(st.integers(1, 400), st.booleans(), st.sampled_from(HAPPENINGS)), min_size=2, max_size=6)
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_breach_of_each_round_comes_exactly_when_it_is_due_and_once(
    escalation: Harness, hops: list[tuple[int, bool, str]]
) -> None:
    """In some hops no timer fires, as while the service is down; what it hears before they do excuses nothing."""
    await escalation.empty()
    few_steps = {"settings": {"step_minutes": 10_000}, "why": "only the breaches matter here"}
    assert (await escalation.post("/v1/escalation-policies", few_steps, role="manager")).status_code == 201
    case = await a_case(escalation)
    waiting: list[str] = []
    expected = defaultdict[Key, set[datetime]](set)
    for minutes, asleep, what in hops:
        if asleep:
            await escalation._hop(await escalation.now() + timedelta(minutes=minutes))
        else:
            await escalation.advance(timedelta(minutes=minutes))
        await note_what_is_due(escalation, case, expected)
        await escalation.deliver(*happening(case, what, await now_after(escalation, case), waiting))
        await escalation.fire_timers()
        await note_what_is_due(escalation, case, expected)

    breaches = await escalation.events(ThresholdBreached)
    fired = [(each.rule, each.percent, each.epoch, each.round) for each in breaches]
    assert len(set(fired)) == len(fired)
    assert set(fired) == expected.keys()
    # what is heard before it is told may make it due earlier than it was
    assert [each for each, key in zip(breaches, fired, strict=True) if each.due_at not in expected[key]] == []
    assert all(timedelta(0) <= each.breached_at - each.due_at for each in breaches)
    called_for = [each.breach_id for each in await escalation.events(EscalationRaised)]
    called_for += [each.breach_id for each in await escalation.events(BreachJoined)]
    calls = [each.breach_id for each in breaches if each.raises_escalation]
    assert sorted(called_for, key=str) == sorted(calls, key=str)


async def test_a_long_sleep_fires_what_fell_due_in_its_order_and_once(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation._hop(case.at(200))
    await escalation.fire_timers()
    await escalation.fire_timers()
    found = [(e.rule, e.percent) for e in await escalation.events(ThresholdBreached)]
    assert found == [("first_response", 75), ("first_response", 100), ("update", 75), ("update", 100)]
