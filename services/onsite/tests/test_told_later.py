"""What was done without a network is told later: with when it was done, in its order, and not too late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.onsite import TechnicianArrived, TechnicianDispatched, VisitCompleted, VisitFailed
from services.onsite.model.happened import NotThen, moment
from services.onsite.model.policy import OnsitePolicy
from services.onsite.tests.builders import WEDNESDAY, a_planned_visit, at_the_site, do, to_the_day
from tests.support.harness import Harness

MINUTES = timedelta(minutes=1)
POLICY = OnsitePolicy()


def then(minutes: int, **body: Any) -> dict[str, Any]:
    return {**body, "happened_at": (WEDNESDAY + minutes * MINUTES).isoformat()}


def instant(minutes: int) -> datetime:
    return WEDNESDAY + minutes * MINUTES


@pytest.mark.promise("S27")
async def test_a_whole_visit_is_told_when_the_network_is_back(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")
    await onsite.advance(timedelta(hours=3))
    told_at = await onsite.now()

    for what, body in [
        ("arrive", then(5)),
        ("check-in", then(10, engineer="Linh")),
        ("install", then(30, serial_in="CAM-NEW", serial_out="CAM-OLD")),
        ("steps", then(45, work="test", name="Picture", passed=False)),
        ("steps", then(60, work="test", name="Picture", passed=True)),
        ("sign-off", then(75, side="customer")),
    ]:
        await do(onsite, what, body)
    done = await do(onsite, "sign-off", {"side": "support"}, role="engineer")

    visit = done["appointment"]
    [arrived] = await onsite.events(TechnicianArrived)
    assert (arrived.arrived_at, arrived.in_window) == (instant(5), True)
    assert arrived.recorded_at is not None
    assert arrived.recorded_at >= told_at
    steps = [datetime.fromisoformat(step["at"]) for step in visit["steps"]]
    assert steps == [instant(45), instant(60)]
    recorded = [visit["check_in"], *visit["steps"], *visit["installed"], visit["sign_offs"]["customer"]]
    assert all(datetime.fromisoformat(each["recorded_at"]) >= told_at for each in recorded)
    [completed] = await onsite.events(VisitCompleted)
    assert completed.arrived_at == instant(5)
    assert completed.completed_at >= told_at


@pytest.mark.promise("S27")
async def test_a_visit_was_over_when_the_last_of_both_signed(onsite: Harness) -> None:
    await at_the_site(onsite)
    await onsite.advance(timedelta(hours=5))
    for what, body in [
        ("install", then(30, serial_in="CAM-NEW", serial_out="CAM-OLD")),
        ("steps", then(45, work="test", name="Picture", passed=True)),
        ("sign-off", then(70, side="customer")),
    ]:
        await do(onsite, what, body)
    await do(onsite, "sign-off", then(75, side="support"), role="engineer")

    [completed] = await onsite.events(VisitCompleted)
    assert completed.completed_at == instant(75)
    assert completed.recorded_at is not None


async def test_a_departure_and_a_failure_are_told_later_too(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await onsite.advance(timedelta(minutes=100))

    await do(onsite, "depart", then(-10))
    await do(onsite, "arrive", then(5))
    await do(onsite, "fail", then(15, reason="no_access", explanation="Locked."))

    [left], [failed] = await onsite.events(TechnicianDispatched), await onsite.events(VisitFailed)
    assert (left.departed_at, left.expected_at, failed.failed_at) == (instant(-10), instant(5), instant(15))


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("check-in", {"engineer": "Linh"}),
        ("steps", {"work": "test", "name": "Picture", "passed": True}),
        ("install", {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD"}),
        ("fail", {"reason": "no_access", "explanation": "Locked."}),
    ],
)
@pytest.mark.parametrize("minutes", [-1, 60 * 24])
async def test_nothing_was_done_before_the_arrival_or_in_the_future(
    onsite: Harness, what: str, body: dict[str, Any], minutes: int
) -> None:
    await at_the_site(onsite)
    before = await onsite.state()

    refused = await do(onsite, what, then(minutes, **body), status=422)

    assert (refused["type"].rpartition(":")[2], refused["field"]) == ("not-then", "happened_at")
    assert datetime.fromisoformat(refused["not_before"]) >= WEDNESDAY
    assert await onsite.state() == before


async def test_steps_are_told_in_the_order_in_which_they_were_done(onsite: Harness) -> None:
    await at_the_site(onsite)
    await onsite.advance(timedelta(hours=1))
    await do(onsite, "steps", then(40, work="test", name="Sound", passed=True))

    refused = await do(onsite, "steps", then(39, work="test", name="Picture", passed=False), status=422)

    assert refused["not_before"] == instant(40).isoformat()


async def test_what_is_told_again_has_one_effect(onsite: Harness) -> None:
    await at_the_site(onsite)
    await onsite.advance(timedelta(hours=1))
    body = then(40, work="test", name="Sound", passed=True)

    for _ in range(2):
        told = await do(onsite, "steps", body, key="sound")

    assert len(told["appointment"]["steps"]) == 1


NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@given(st.integers(-100 * 3600, 3600), st.integers(-100 * 3600, 0))
def test_a_moment_is_never_in_the_future_nor_before_the_last_nor_too_old(asked: int, after: int) -> None:
    when, last = NOW + timedelta(seconds=asked), NOW + timedelta(seconds=after)
    try:
        at, recorded_at = moment(when, after=last, now=NOW, policy=POLICY)
    except NotThen:
        assert asked > POLICY.clock_skew_seconds or when < last or when < NOW - timedelta(hours=72)
    else:
        assert last <= at <= NOW
        assert NOW - at <= timedelta(hours=72)
        assert recorded_at == (NOW if at < NOW else None)
