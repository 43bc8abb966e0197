"""The clocks agree with a model that counts minutes, whatever happened and in whatever order it was heard."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events.values import Priority, Severity
from libs.kit.calendar import CalendarData
from services.escalation.model.clock import CLOCKS, Measure, Reading, readings
from services.escalation.model.facts import Fact
from services.escalation.model.thresholds import thresholds
from services.escalation.tests.slow_clock_model import BASE, CALENDARS, SlowCase, SlowClock, settings_on

RATED: dict[Severity, Priority] = {"critical": "P1", "major": "P2", "moderate": "P3", "minor": "P4"}
_AFTERMATH = 6 * 24 * 60
_MEASURES: tuple[Measure, ...] = (*CLOCKS, "age")


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Up to fourteen things that happen to a case, at least a minute apart."""
    minute = draw(st.integers(0, 3000))
    facts: list[Fact] = []

    def happens(kind: Any, **details: Any) -> None:
        number = len(facts)
        facts.append(Fact(id=UUID(int=number), kind=kind, at=BASE + timedelta(minutes=minute), **details))

    def rated() -> dict[str, Any]:
        severity = draw(st.sampled_from(sorted(RATED)))
        return {"severity": severity, "priority": RATED[severity]}

    happens("opened", **rated())
    waits: dict[int, str] = {}
    resolved = False
    for _ in range(draw(st.integers(0, 13))):
        minute += draw(st.integers(1, 900))
        possible = (
            ["reopened", "end"]
            if resolved
            else ["severity", "note", "responded", *["wait"] * 3, *["end"] * 2, "merged", "resolved"]
        )
        match draw(st.sampled_from(possible)):
            case "reopened":
                happens("reopened")
                resolved = False
            case "severity":
                happens("severity_changed", **rated())
            case "note":
                happens("noted", origin=draw(st.sampled_from(["support", "partner", "customer"])))
            case "merged":
                happens("merged", since=BASE + timedelta(minutes=draw(st.integers(0, minute))))
            case "responded":
                happens("responded")
            case "wait":
                wait = draw(st.sampled_from(["customer", "partner", "part"]))
                waits[len(facts)] = wait
                happens("wait_began", wait=wait, wait_id=UUID(int=len(facts)))
            case "end" if waits:
                number = draw(st.sampled_from(sorted(waits)))
                happens("wait_ended", wait=waits.pop(number), wait_id=UUID(int=number))
            case "resolved":
                happens("resolved", origin=draw(st.sampled_from([None, "support"])))
                resolved = True
    return facts


@settings(deadline=None, max_examples=25)
@given(facts=histories(), calendar=st.sampled_from(CALENDARS), order=st.randoms(use_true_random=False))
def test_the_clocks_agree_with_a_model_that_counts_minutes(
    facts: list[Fact], calendar: CalendarData, order: Any
) -> None:
    numbers = settings_on(calendar)
    last = int((facts[-1].at - BASE).total_seconds()) // 60
    slow = SlowCase(facts, last + _AFTERMATH)
    heard = list(facts)
    order.shuffle(heard)

    found = {(each.kind, each.epoch, each.round): each for each in readings(heard, lambda _s, _at: numbers, _MEASURES)}

    assert set(found) == {(each.kind, each.epoch, each.round) for each in slow.all}
    for each in slow.all:
        _agree(found[each.kind, each.epoch, each.round], each, slow, numbers, last)  # type: ignore[index]


def _agree(fast: Reading, slow: SlowClock, case: SlowCase, numbers: Any, last: int) -> None:
    assert fast.started_at == BASE + timedelta(minutes=slow.start)
    assert (fast.ended_at, fast.met) == (slow.end if slow.end is None else BASE + timedelta(minutes=slow.end), slow.met)
    assert fast.priority == slow.priority
    paused = slow.end is None and case.paused(slow.kind)
    assert fast.state == (
        "met" if slow.met else "stopped" if slow.end is not None else "paused" if paused else "running"
    )
    missed = slow.passed(100, numbers, over=True)
    assert fast.missed_at == (missed if missed is None else BASE + timedelta(minutes=missed))
    until = last + _AFTERMATH
    assert fast.elapsed(BASE + timedelta(minutes=until)) == timedelta(minutes=len(slow.worked(numbers)))
    for percent in (75, 100):
        due, expected = fast.due_at(percent), slow.due(percent, numbers)
        if expected is not None:
            assert due == BASE + timedelta(minutes=expected)
        elif slow.end is None:
            assert due is None or due > BASE + timedelta(minutes=until)
        else:
            assert due is None or fast.ended_at is None or due > fast.ended_at


@settings(deadline=None, max_examples=25)
@given(facts=histories(), calendar=st.sampled_from(CALENDARS), order=st.randoms(use_true_random=False))
def test_each_threshold_is_there_once_and_does_not_depend_on_the_order_of_hearing(
    facts: list[Fact], calendar: CalendarData, order: Any
) -> None:
    numbers = settings_on(calendar)
    heard = list(facts)
    order.shuffle(heard)

    found = thresholds(heard, lambda _s, _at: numbers)

    assert found == thresholds(facts, lambda _s, _at: numbers)
    assert len({(each.rule, each.percent, each.epoch, each.round) for each in found}) == len(found)
    assert [each.due_at for each in found] == sorted(each.due_at for each in found)


@settings(deadline=None, max_examples=25)
@given(facts=histories(), calendar=st.sampled_from(CALENDARS))
def test_every_round_passes_what_it_passed_though_its_severity_was_lowered_since(
    facts: list[Fact], calendar: CalendarData
) -> None:
    numbers = settings_on(calendar)
    until = int((facts[-1].at - BASE).total_seconds()) // 60 + _AFTERMATH
    slow = SlowCase(facts, until)
    expected = {
        (each.kind, percent, each.epoch, each.round): BASE + timedelta(minutes=minute)
        for each in slow.all
        for percent in ((75, 100) if each.kind != "age" else (None,))
        if (minute := each.passed(percent or 100, numbers)) is not None
    }
    found = {
        (each.rule, each.percent, each.epoch, each.round): each.due_at
        for each in thresholds(facts, lambda _s, _at: numbers)
        if each.rule in _MEASURES and each.due_at <= BASE + timedelta(minutes=until)
    }
    assert found == expected
