"""A day that does not go as planned: late, longer, too early, at night, called off."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.onsite import (
    TechnicianArrived,
    TechnicianDelayed,
    TechnicianDispatched,
    VisitCancelled,
    VisitMissed,
    VisitRescheduled,
    VisitScheduled,
)
from services.onsite.model.work_order import WorkOrder
from services.onsite.tests.builders import (
    AN,
    BINH,
    PATH,
    PROMISED,
    THU_DUC,
    WEDNESDAY,
    a_decision,
    a_delivery,
    a_diagnosis,
    a_new_promise,
    a_place,
    a_planned_visit,
    a_reservation,
    a_shipment,
    a_site,
    a_technician,
    an_id,
    at_the_site,
    do,
    to_the_day,
)
from services.onsite.tests.test_booking import OURS
from tests.support.harness import Harness

MINUTES = timedelta(minutes=1)
SECOND = WorkOrder.id_for(an_id("diagnosis 2"))
ELEVEN_THIRTY = WEDNESDAY + 150 * MINUTES


async def until(h: Harness, minutes: int) -> None:
    """To so many minutes after Wednesday, 09:00 there, in steps of ten."""
    while (left := WEDNESDAY + minutes * MINUTES - await h.now()) > timedelta(0):
        await h.advance(min(left, 10 * MINUTES))


async def a_second_visit(h: Harness) -> None:
    """An goes on to Thủ Đức, 28 minutes away, for 11:30."""
    await a_place(h, "Thu Duc", THU_DUC)
    ids = {"case_id": an_id("case 2"), "diagnosis_id": an_id("diagnosis 2")}
    await h.deliver(a_decision(case_id=ids["case_id"], site=a_site(city="Thủ Đức")), a_diagnosis(**ids))
    await h.deliver(a_reservation(**ids, rma_id=an_id("rma 2")))
    second = (await h.events(VisitScheduled))[-1]
    assert (second.work_order_id, second.window.starts, second.technician_id) == (SECOND, ELEVEN_THIRTY, AN)


async def two_visits(h: Harness) -> None:
    """An is at the first, in time."""
    await at_the_site(h)
    await a_second_visit(h)


@pytest.mark.promise("S31")
@pytest.mark.parametrize("role", ["technician", "manager"])
async def test_who_runs_late_says_when_they_come_and_nothing_is_missed_before(onsite: Harness, role: str) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    expected = WEDNESDAY + 105 * MINUTES

    said = await do(onsite, "running-late", {"expected_at": expected.isoformat(), "reason": "flat tyre"}, role=role)

    [delayed] = await onsite.events(TechnicianDelayed)
    assert (delayed.expected_at, delayed.cause, delayed.reason) == (expected, "said", "flat tyre")
    assert (delayed.window.starts, delayed.time_zone) == (WEDNESDAY, "Asia/Ho_Chi_Minh")
    assert said["appointment"]["expected_at"] == "2026-03-04T03:45:00Z"
    await until(onsite, 134)
    assert await onsite.events(VisitMissed) == []
    await until(onsite, 136)
    assert len(await onsite.events(VisitMissed)) == 1


@pytest.mark.promise("S31")
async def test_on_the_road_a_new_estimate_takes_the_visit_back_from_the_dispatcher(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")
    await until(onsite, 301)
    assert (await onsite.get(PATH)).json()["waiting_for"] == "dispatcher"

    expected = WEDNESDAY + 330 * MINUTES
    said = await do(onsite, "running-late", {"expected_at": expected.isoformat()})

    assert (said["waiting_for"], said["appointment"]["state"]) == (None, "en_route")
    await until(onsite, 565)
    assert (await onsite.get(PATH)).json()["waiting_for"] is None
    await until(onsite, 575)
    assert (await onsite.get(PATH)).json()["waiting_for"] == "dispatcher"
    assert await onsite.events(VisitMissed) == []


@pytest.mark.parametrize("minutes", [-40, 60 + 241])
async def test_what_is_no_estimate_is_refused(onsite: Harness, minutes: int) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)

    expected = (WEDNESDAY + minutes * MINUTES).isoformat()
    refused = await do(onsite, "running-late", {"expected_at": expected}, status=422)

    assert (refused["field"], refused["not_after"]) == ("expected_at", "2026-03-04T07:00:00+00:00")
    assert await onsite.events(TechnicianDelayed) == []


async def test_who_turned_back_is_not_expected_any_more(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    on_the_way = await do(onsite, "depart")

    back = await do(onsite, "undo-depart", {"reason": "flat tyre"})

    assert on_the_way["appointment"]["expected_at"].startswith("2026-03-04T01:45")
    assert back["appointment"]["expected_at"] is None


@pytest.mark.promise("S27", "S31")
async def test_a_visit_that_takes_longer_delays_the_next_and_then_moves_it(onsite: Harness) -> None:
    await two_visits(onsite)

    await until(onsite, 175)
    assert await onsite.events(TechnicianDelayed) == []
    await until(onsite, 205)
    told = await onsite.events(TechnicianDelayed)
    assert [event.work_order_id for event in told] == [SECOND]
    assert (told[0].cause, told[0].reason) == ("visit_before", None)
    assert told[0].expected_at > ELEVEN_THIRTY + 60 * MINUTES
    assert await onsite.events(VisitRescheduled) == []
    await until(onsite, 270)

    [moved] = await onsite.events(VisitRescheduled)
    assert moved.new is not None
    assert (moved.work_order_id, moved.reason, moved.old.starts) == (SECOND, "visit_before", ELEVEN_THIRTY)
    assert moved.new.starts > ELEVEN_THIRTY


@pytest.mark.promise("S31")
async def test_somebody_else_makes_the_next_visit_when_it_would_be_too_late(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await a_second_visit(onsite)
    await a_technician(onsite, "Bình", home=THU_DUC)
    body = {"starts": (ELEVEN_THIRTY + 30 * MINUTES).isoformat(), "technician_id": str(AN), "reason": "after lunch"}
    assert (await onsite.post(f"/v1/work-orders/{SECOND}/reschedule", body, role="engineer")).status_code == 200
    await to_the_day(onsite)
    await do(onsite, "depart")

    await do(onsite, "running-late", {"expected_at": (WEDNESDAY + 270 * MINUTES).isoformat()})
    await onsite.fire_timers()

    moved = (await onsite.events(VisitRescheduled))[-1]
    assert moved.new is not None
    assert (moved.technician_id, moved.new, moved.reason) == (BINH, moved.old, "visit_before")


@pytest.mark.promise("S31")
async def test_the_customer_is_asked_when_the_time_that_they_chose_would_be_missed(onsite: Harness) -> None:
    await two_visits(onsite)
    body = {"starts": (ELEVEN_THIRTY + 150 * MINUTES).isoformat(), "reason": "after lunch"}
    assert (await onsite.post(f"/v1/work-orders/{SECOND}/reschedule", body, role="engineer")).status_code == 200

    await until(onsite, 400)

    asked = (await onsite.events(VisitRescheduled))[-1]
    assert (asked.new, asked.waiting_for, asked.reason) == (None, "customer_choice", "visit_before")


async def test_a_late_arrival_delays_the_next_visit_at_once(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await a_second_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")
    await until(onsite, 85)

    await do(onsite, "arrive")
    await onsite.fire_timers()

    [delayed] = await onsite.events(TechnicianDelayed)
    assert (delayed.work_order_id, delayed.cause) == (SECOND, "visit_before")
    assert delayed.expected_at >= WEDNESDAY + (85 + 120 + 28) * MINUTES


async def test_a_visit_that_is_over_in_time_changes_nothing(onsite: Harness) -> None:
    await two_visits(onsite)
    await do(onsite, "fail", {"reason": "no_access", "explanation": "Locked."})

    await until(onsite, 140)

    assert await onsite.events(TechnicianDelayed, VisitRescheduled) == []


@pytest.mark.promise("S31")
async def test_nobody_departs_long_before_the_window(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await onsite.deliver(a_shipment(), a_delivery())
    await until(onsite, -130)

    refused = await do(onsite, "depart", status=409)
    await until(onsite, -119)
    gone = await do(onsite, "depart")

    assert (refused["type"].rpartition(":")[2], refused["departs_from"]) == ("too-early", "2026-03-04T00:00:00+00:00")
    assert gone["appointment"]["state"] == "en_route"
    assert len(await onsite.events(TechnicianDispatched)) == 1


async def test_how_early_is_a_policy(onsite: Harness) -> None:
    policy = {"settings": {"depart_before_minutes": 0}, "why": "they wait in the street"}
    assert (await onsite.post("/v1/onsite-policies", policy, role="manager")).status_code == 201
    await a_planned_visit(onsite)
    await onsite.deliver(a_shipment(), a_delivery())

    await until(onsite, -20)
    await do(onsite, "depart", status=409)
    await until(onsite, -14)  # the way takes a quarter of an hour

    await do(onsite, "depart")


@pytest.mark.promise("S26")
async def test_who_comes_while_the_site_is_closed_says_why(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")

    refused = await do(onsite, "arrive", status=422)
    came = await do(onsite, "arrive", {"reason": "the guard let me in"})

    assert (refused["type"].rpartition(":")[2], refused["field"]) == ("outside-hours", "reason")
    [arrived] = await onsite.events(TechnicianArrived)
    assert (arrived.outside_hours, arrived.in_window) == ("the guard let me in", False)
    assert came["appointment"]["history"][-1]["reason"] == "the guard let me in"


async def test_in_business_hours_nobody_has_to_say_why(onsite: Harness) -> None:
    await at_the_site(onsite)

    assert (await onsite.events(TechnicianArrived))[0].outside_hours is None


@pytest.mark.promise("S31")
@pytest.mark.parametrize(
    "who", [OURS, {"role": "engineer"}, {"role": "manager"}], ids=["customer", "engineer", "manager"]
)
async def test_a_visit_is_called_off_for_good_while_its_diagnosis_stands(onsite: Harness, who: Any) -> None:
    await a_planned_visit(onsite)

    ended = await do(onsite, "cancel", {"reason": "we install it ourselves"}, **who)

    assert (ended["state"], ended["possible"]) == ("cancelled", [])
    [cancelled] = await onsite.events(VisitCancelled)
    assert (cancelled.reason, cancelled.by.partition(":")[0]) == ("we install it ourselves", who["role"])
    await onsite.deliver(a_new_promise(PROMISED + timedelta(days=1)))
    assert (await onsite.get(PATH)).json()["state"] == "cancelled"


@pytest.mark.promise("S31")
async def test_a_visit_that_is_called_off_is_planned_anew_at_a_time_that_the_customer_chooses(onsite: Harness) -> None:
    await a_planned_visit(onsite)

    off = await do(onsite, "cancel", {"reason": "the room is rebuilt", "plans_again": True}, role="manager")
    await onsite.deliver(a_new_promise(PROMISED + timedelta(hours=1)))

    assert (off["state"], off["waiting_for"]) == ("open", "customer_choice")
    [asked] = await onsite.events(VisitRescheduled)
    assert (asked.new, asked.waiting_for, asked.reason) == (None, "customer_choice", "the room is rebuilt")
    assert asked.alternatives[0].starts == WEDNESDAY
    assert await onsite.events(VisitCancelled) == []
    assert (await onsite.get(PATH)).json()["waiting_for"] == "customer_choice"
    booked = await do(onsite, "book", {"starts": WEDNESDAY.isoformat()}, status=201, **OURS)
    assert (booked["state"], booked["waiting_for"]) == ("planned", None)


@pytest.mark.parametrize("plans_again", [True, False])
async def test_a_visit_on_the_road_or_begun_is_not_called_off(onsite: Harness, plans_again: bool) -> None:
    body = {"reason": "not needed", "plans_again": plans_again}
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")

    on_the_road = await do(onsite, "cancel", body, role="manager", status=409)
    await do(onsite, "arrive", {"reason": "the guard let me in"})
    begun = await do(onsite, "cancel", body, role="manager", status=409)

    assert on_the_road["possible"] == ["arrive", "running_late", "undo_depart"]
    assert begun["possible"] == ["check_in", "fail"]


async def test_no_other_time_is_asked_for_where_there_was_none(onsite: Harness) -> None:
    await onsite.deliver(a_diagnosis(), a_decision())

    refused = await do(onsite, "cancel", {"reason": "not now", "plans_again": True}, role="engineer", status=409)

    assert refused["type"].endswith("no-visit")
    assert (await do(onsite, "cancel", {"reason": "not now"}, role="engineer"))["state"] == "cancelled"
