"""A duplicate is merged into another case: the time that has run and the people who were called go on there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events import Event
from libs.events.escalation import (
    BreachJoined,
    ClockMet,
    ClockPaused,
    ClockStarted,
    EscalationRaised,
    EscalationResolved,
    ThresholdBreached,
)
from services.escalation.handlers import projections
from services.escalation.tests.builders import ACase, a_case
from services.escalation.tests.test_escalations import an_escalation
from tests.support.harness import Harness
from tests.support.order import in_any_order, interleavings, tell
from tests.support.rebuilding import proves_rebuildable


async def two(h: Harness, minutes: int = 60) -> tuple[ACase, ACase]:
    """A duplicate, and the case that goes on, opened that much later."""
    first = await a_case(h)
    await h.advance(timedelta(minutes=minutes))
    return first, await a_case(h)


async def clocks_of(h: Harness, case: ACase) -> dict[str, dict[str, Any]]:
    items = (await h.get(f"/v1/clocks?case_id={case.id}")).json()["items"]
    return {f"{item['kind']}/{item['epoch']}/{item['round']}": item for item in items}


@pytest.mark.promise("S18", "S23")
async def test_running_clocks_start_at_the_earlier_opening_and_what_ended_stays(escalation: Harness) -> None:
    first, second = await two(escalation)
    await escalation.deliver(second.responded(10), second.pending("partner", 15))
    before = await clocks_of(escalation, second)
    told = len(await escalation.events(Event))
    await escalation.deliver(first.merged(second, 80), first.closed(80))

    after = await clocks_of(escalation, second)
    [paused] = [e for e in (await escalation.events(Event))[told:] if isinstance(e, ClockPaused)]
    left = second.at(480 - 15) - (second.opened_at - first.opened_at) - second.opened_at
    assert (paused.clock, paused.remaining_seconds) == ("resolution", int(left.total_seconds()))
    assert datetime.fromisoformat(after["resolution/1/0"]["started_at"]) == first.opened_at
    for ended in ("first_response/1/0", "update/1/0"):
        assert (after[ended]["state"], after[ended]) == ("met", before[ended])
    # That one began with a word to the customer, not with an opening.
    assert after["update/1/1"] == before["update/1/1"]
    assert [e for e in (await escalation.events(Event))[told:] if isinstance(e, ClockMet)] == []
    assert {each["state"] for each in (await clocks_of(escalation, first)).values()} == {"stopped"}


async def test_a_later_duplicate_moves_nothing(escalation: Harness) -> None:
    first, second = await two(escalation, 5)
    before = await clocks_of(escalation, first)
    await escalation.deliver(second.merged(first, 10), second.closed(10))
    assert await clocks_of(escalation, first) == before


async def test_what_is_late_since_the_earlier_opening_is_breached_once(escalation: Harness) -> None:
    first, second = await two(escalation, 20)
    await escalation.advance(timedelta(minutes=24))  # 75 % of 30 minutes
    fired = [(e.rule, e.percent) for e in await escalation.events(ThresholdBreached) if e.case_id == second.id]
    assert fired == [("first_response", 75)]
    await escalation.deliver(first.merged(second, 44), first.closed(44))
    [started] = [
        e for e in await escalation.events(ClockStarted) if e.case_id == second.id and e.started_at == first.opened_at
    ][:1]
    assert started.clock in {"first_response", "update", "resolution"}
    await escalation.advance(timedelta(seconds=2))
    fired = [(e.rule, e.percent) for e in await escalation.events(ThresholdBreached) if e.case_id == second.id]
    assert fired == [("first_response", 75), ("first_response", 100)]


@pytest.mark.promise("S23")
async def test_its_escalation_joins_the_survivors(escalation: Harness) -> None:
    first, second = await two(escalation, 5)
    theirs, ours = await an_escalation(escalation, first), await an_escalation(escalation, second)
    await escalation.deliver(first.merged(second, 6), first.closed(6))

    [over] = await escalation.events(EscalationResolved)
    assert (str(over.escalation_id), over.automatic) == (theirs["id"], True)
    [joined] = await escalation.events(BreachJoined)
    assert (str(joined.escalation_id), joined.reason) == (ours["id"], "manager")
    assert len(await escalation.events(EscalationRaised)) == 2


@pytest.mark.parametrize("known", [True, False])
async def test_its_escalation_goes_on_where_the_survivor_has_none(escalation: Harness, known: bool) -> None:
    first = await a_case(escalation)
    theirs = await an_escalation(escalation, first)
    second = ACase(await escalation.now())
    heard: list[Event] = [first.merged(second, 1), first.closed(1)]
    if known:
        heard.insert(0, second.opened())
    await escalation.deliver(*heard)
    if not known:
        await escalation.advance(timedelta(minutes=1, seconds=1))
        await escalation.deliver(second.opened())
        await escalation.advance(timedelta(minutes=1, seconds=1))

    [_, raised] = await escalation.events(EscalationRaised)
    assert (raised.case_id, raised.reason) == (second.id, "manager")
    shown = (await escalation.get(f"/v1/escalations/{raised.escalation_id}")).json()
    assert theirs["number"] in shown["explanation"]
    assert [str(each.escalation_id) for each in await escalation.events(EscalationResolved)] == [theirs["id"]]
    await escalation.advance(timedelta(minutes=2))
    assert len(await escalation.events(EscalationRaised)) == 2


FIRST = ACase(datetime.now(UTC) - timedelta(minutes=300))
SECOND = ACase(FIRST.at(100))
TOLD: dict[str, list[tuple[Event, float]]] = {
    "first": [
        (FIRST.opened(), 0.0),
        (FIRST.responded(40), 40),
        (FIRST.merged(SECOND, 200), 200),
        (FIRST.closed(200), 200),
    ],
    "second": [
        (SECOND.opened(), 100),
        (SECOND.pending("partner", 20), 120),
        (SECOND.severity_changed("major", 40), 140),
        (SECOND.noted(150), 250),
        (SECOND.resumed("partner", 160), 260),
    ],
}


async def outcome(h: Harness) -> tuple[Any, ...]:
    """All but what was told on the way."""
    rows = await h.state()
    await h.fire_timers()
    breaches = [
        (e.case_id, e.rule, e.percent, e.epoch, e.due_at, e.raises_escalation)
        for e in await h.events(ThresholdBreached)
    ]
    assert len(set(breaches)) == len(breaches)
    return rows, set(breaches)


_EXPECTED: list[Any] = []


async def as_it_happened(h: Harness) -> tuple[list[Delivery], Any]:
    """One record after the other; found out once."""
    if not _EXPECTED:
        told = sorted((each for line in TOLD.values() for each in line), key=lambda each: each[1])
        await h.empty()
        _EXPECTED.append([h.delivery(event, at=FIRST.at(minutes)) for event, minutes in told])
        await h.deliver(*_EXPECTED[0])
        _EXPECTED.append(await outcome(h))
    return _EXPECTED[0], _EXPECTED[1]


async def tell_in_any_order(h: Harness, deliveries: list[Delivery], data: st.DataObject) -> None:
    """Each case is a line of its own, as a partition is."""
    of = {each.event_id: each for each in deliveries}
    lines = [replace(each, topic=str(each.subject)) for each in deliveries]
    batches = data.draw(interleavings(lines))
    await h.empty()
    await tell(h, [[of[each.event_id] for each in batch] for batch in batches])


@in_any_order()
async def test_the_two_end_the_same_whichever_is_heard_first(escalation: Harness, data: st.DataObject) -> None:
    deliveries, expected = await as_it_happened(escalation)
    await tell_in_any_order(escalation, deliveries, data)
    assert await outcome(escalation) == expected


@in_any_order(examples=3, random=st.randoms(use_true_random=False))
async def test_the_case_files_of_both_are_rebuilt(escalation: Harness, data: st.DataObject, random: Random) -> None:
    deliveries, _ = await as_it_happened(escalation)
    await tell_in_any_order(escalation, deliveries, data)
    for projection in projections:
        await proves_rebuildable(escalation, projection, random)
