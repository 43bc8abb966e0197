"""What was done without a network is told later: with when it was done, in its order, and not too late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.onsite import (
    TechnicianArrived,
    TechnicianDispatched,
    VisitCompleted,
    VisitFailed,
    VisitMissed,
    VisitRescheduled,
    VisitScheduled,
)
from services.onsite.model.happened import NotThen, moment
from services.onsite.model.policy import OnsitePolicy
from services.onsite.model.technician import Booking, NewAbsence, Technician
from services.onsite.tests.builders import (
    AN,
    BINH,
    PATH,
    WEDNESDAY,
    a_planned_visit,
    a_technician,
    an_id,
    at_the_site,
    do,
    to_the_day,
)
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


async def missed(h: Harness) -> None:
    """Nobody said that they had set out; it is 12:00 there, and the visit is planned anew for the next possible time."""
    await a_planned_visit(h)
    await to_the_day(h)
    await h.advance(timedelta(hours=2, minutes=10))
    await h.advance(timedelta(hours=1, minutes=20))
    assert len(await h.events(VisitMissed)) == 1


@pytest.mark.promise("S31")
@pytest.mark.parametrize("role", ["technician", "manager"])
async def test_a_departure_in_time_that_is_told_later_takes_the_miss_back(onsite: Harness, role: str) -> None:
    await missed(onsite)
    again = (await onsite.events(VisitScheduled))[-1]

    left = await do(onsite, "depart", then(-10), role=role)
    here = await do(onsite, "arrive", then(5))

    [moved] = await onsite.events(VisitRescheduled)
    assert (moved.old, moved.new and moved.new.starts, moved.reason) == (again.window, WEDNESDAY, "departed_in_time")
    [dispatched] = await onsite.events(TechnicianDispatched)
    assert dispatched.departed_at == instant(-10)
    states = [change["state"] for change in left["appointment"]["history"]]
    assert states == ["confirmed", "missed", "confirmed", "en_route"]
    assert (here["state"], here["appointment"]["id"]) == ("in_progress", str(moved.appointment_id))
    shown = (await onsite.get("/v1/appointments")).json()["items"]
    assert sorted(each["state"] for each in shown) == ["cancelled", "in_progress"]
    async with onsite.transaction() as tx:
        [booking] = await tx.select(Booking)
    assert (booking.appointment_id, booking.starts) == (moved.appointment_id, WEDNESDAY)


async def test_a_miss_is_taken_back_where_no_other_time_was_found(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    away = {"starts": "2026-03-04T03:10:00Z", "ends": "2026-08-05T00:00:00Z", "reason": "leave"}
    async with onsite.transaction() as tx:
        technician = await Technician.get(AN, tx, lock=True)
        technician.absences = [NewAbsence.model_validate(away)]
    await onsite.advance(timedelta(hours=2, minutes=10))
    assert (await onsite.get(PATH)).json()["waiting_for"] == "technician"

    left = await do(onsite, "depart", then(-10))

    assert (left["state"], left["waiting_for"], left["appointment"]["state"]) == ("planned", None, "en_route")
    assert (await onsite.events(VisitScheduled))[-1].window.starts == WEDNESDAY


async def test_a_miss_stays_one_where_somebody_had_departed_too_early(onsite: Harness) -> None:
    await missed(onsite)

    refused = await do(onsite, "depart", then(-130), status=422)

    assert refused["type"].endswith("not-then")
    assert await onsite.events(VisitRescheduled) == []


async def test_who_departed_after_the_miss_departed_for_the_next_visit(onsite: Harness) -> None:
    await missed(onsite)
    again = (await onsite.events(VisitScheduled))[-1]

    left = await do(onsite, "depart", then(95))

    assert left["appointment"]["id"] == str(again.appointment_id)
    assert await onsite.events(VisitRescheduled) == []


async def test_only_whose_visit_it_was_takes_a_miss_back(onsite: Harness) -> None:
    await missed(onsite)
    await a_technician(onsite, "Bình")

    await do(onsite, "depart", then(-10), technician_id=BINH, status=404)

    assert await onsite.events(TechnicianDispatched, VisitRescheduled) == []


async def test_a_miss_is_not_taken_back_into_a_time_that_was_given_away(onsite: Harness) -> None:
    await missed(onsite)
    async with onsite.transaction() as tx:
        other = an_id("other visit")
        tx.add(
            Booking(
                id=other,
                work_order_id=other,
                appointment_id=other,
                technician_id=AN,
                leaves_at=instant(0),
                starts=instant(10),
                ends=instant(20),
                latitude=None,
                longitude=None,
            )
        )

    refused = await do(onsite, "depart", then(-10), status=422)

    assert refused["type"].endswith("not-then")


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
