"""A time that somebody chose is kept, or another one is asked for; it is never moved earlier."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.onsite import VisitRescheduled, VisitScheduled
from services.onsite.tests.builders import (
    AN,
    BINH,
    PATH,
    PROMISED,
    WEDNESDAY,
    a_decision,
    a_delivery,
    a_loss,
    a_new_promise,
    a_planned_visit,
    a_reservation,
    a_site,
    a_technician,
    an_id,
    do,
)
from services.onsite.tests.test_booking import OURS
from tests.support.harness import Harness

DAY = timedelta(days=1)
CHOSEN = WEDNESDAY + 12 * DAY  # a Monday, 09:00 there


async def a_chosen_visit(h: Harness, **who: Any) -> None:
    """With An; the customer chose Monday in two weeks."""
    await a_planned_visit(h)
    await do(h, "reschedule", {"starts": CHOSEN.isoformat(), "reason": "board meeting"}, **(who or OURS))


async def is_away(h: Harness, starts: str = "2026-03-16T01:00:00Z", ends: str = "2026-03-16T10:00:00Z") -> None:
    away = {"starts": starts, "ends": ends, "reason": "ill"}
    assert (await h.post(f"/v1/technicians/{AN}/absences", away, role="manager")).status_code == 201


async def last_move(h: Harness) -> VisitRescheduled:
    return (await h.events(VisitRescheduled))[-1]


@pytest.mark.promise("S31")
async def test_somebody_else_comes_at_the_chosen_time_when_its_technician_cannot(onsite: Harness) -> None:
    await a_chosen_visit(onsite)
    await a_technician(onsite, "Bình")

    await is_away(onsite)

    moved = await last_move(onsite)
    assert moved.new is not None
    assert (moved.new.starts, moved.technician_id, moved.reason) == (CHOSEN, BINH, "technician_absent")
    assert (await onsite.get(PATH)).json()["appointment"]["chosen_by"] == "customer"


@pytest.mark.promise("S31")
async def test_the_customer_is_asked_when_nobody_can_come_at_the_chosen_time(onsite: Harness) -> None:
    await a_chosen_visit(onsite)

    await is_away(onsite)

    asked = await last_move(onsite)
    assert (asked.new, asked.waiting_for, asked.reason) == (None, "customer_choice", "technician_absent")
    assert asked.alternatives
    assert all(window.starts > CHOSEN for window in asked.alternatives)
    order = (await onsite.get(PATH, **OURS)).json()
    assert (order["state"], order["waiting_for"], order["possible"]) == ("open", "customer_choice", ["book", "cancel"])
    starts = asked.alternatives[0].starts
    booked = await do(onsite, "book", {"starts": starts.isoformat()}, status=201, **OURS)
    assert (booked["state"], booked["waiting_for"]) == ("planned", None)
    assert (await onsite.events(VisitScheduled))[-1].window.starts == starts


async def test_a_time_that_support_chose_is_kept_likewise(onsite: Harness) -> None:
    await a_chosen_visit(onsite, role="engineer")

    await is_away(onsite)

    assert (await last_move(onsite)).waiting_for == "customer_choice"


async def test_an_absence_at_another_time_changes_nothing(onsite: Harness) -> None:
    await a_chosen_visit(onsite)

    await is_away(onsite, "2026-03-05T01:00:00Z", "2026-03-05T10:00:00Z")

    assert len(await onsite.events(VisitRescheduled)) == 1


@pytest.mark.promise("S31")
async def test_a_promise_after_the_chosen_time_asks_for_another_time(onsite: Harness) -> None:
    await a_chosen_visit(onsite)

    await onsite.deliver(a_new_promise(CHOSEN + DAY))

    asked = await last_move(onsite)
    assert (asked.new, asked.waiting_for, asked.reason) == (None, "customer_choice", "promise_moved")
    assert all(window.starts >= CHOSEN + DAY for window in asked.alternatives)


async def test_a_promise_that_goes_back_brings_the_chosen_time_back(onsite: Harness) -> None:
    await a_chosen_visit(onsite)
    await onsite.deliver(a_new_promise(CHOSEN + DAY))

    await onsite.deliver(a_new_promise(CHOSEN - DAY, changed_at=PROMISED))

    again = (await onsite.events(VisitScheduled))[-1]
    assert (again.window.starts, again.chosen_by) == (CHOSEN, "customer")


@pytest.mark.promise("S31")
async def test_a_part_that_was_lost_comes_back_to_the_chosen_time(onsite: Harness) -> None:
    await a_chosen_visit(onsite)
    second = an_id("second rma")
    await onsite.deliver(a_loss(second))
    waits = await last_move(onsite)
    assert (waits.waiting_for, waits.reason) == ("part", "part_lost")

    await onsite.deliver(a_reservation(rma_id=second, promised_by=PROMISED + DAY))

    again = (await onsite.events(VisitScheduled))[-1]
    assert (again.window.starts, again.chosen_by) == (CHOSEN, "customer")


async def test_a_part_that_comes_after_the_chosen_time_asks_for_another_once(onsite: Harness) -> None:
    await a_chosen_visit(onsite)
    second = an_id("second rma")
    await onsite.deliver(a_loss(second))

    await onsite.deliver(
        a_reservation(rma_id=second, promised_by=CHOSEN + DAY),
        a_new_promise(CHOSEN + 2 * DAY, rma_id=second),
    )

    _, waits, asked = await onsite.events(VisitRescheduled)
    assert (waits.waiting_for, asked.waiting_for) == ("part", "customer_choice")
    assert (asked.old, asked.old_appointment_id) == (waits.old, waits.old_appointment_id)


async def test_other_hours_of_the_site_ask_for_another_time(onsite: Harness) -> None:
    await a_chosen_visit(onsite)
    afternoons = [{"weekdays": [0, 1, 2, 3, 4], "opens": "13:00", "closes": "17:00"}]

    await onsite.deliver(a_decision(revision=2, site=a_site(opening_hours=afternoons)))

    asked = await last_move(onsite)
    assert (asked.waiting_for, asked.alternatives[0].starts) == ("customer_choice", CHOSEN + timedelta(hours=4))


async def test_a_time_before_the_promise_of_a_part_that_is_there_stays(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await onsite.deliver(a_delivery(delivered_at=PROMISED - timedelta(hours=8)))
    early = PROMISED - timedelta(hours=3)
    await do(onsite, "reschedule", {"starts": early.isoformat(), "reason": "at once"}, **OURS)

    await onsite.deliver(a_decision(revision=2))

    assert (await onsite.get(PATH)).json()["appointment"]["window"]["starts"] == "2026-03-03T07:00:00Z"
    assert len(await onsite.events(VisitRescheduled)) == 1


async def test_a_chosen_time_that_has_passed_is_not_waited_for(onsite: Harness) -> None:
    await a_chosen_visit(onsite)
    second = an_id("second rma")
    await onsite.deliver(a_loss(second))
    await onsite.advance(CHOSEN + DAY - await onsite.now())

    await onsite.deliver(a_reservation(rma_id=second, promised_by=CHOSEN))

    again = (await onsite.events(VisitScheduled))[-1]
    assert again.chosen_by == "policy"
    assert again.window.starts > CHOSEN + DAY


async def test_a_technician_may_not_bring_forward_what_the_customer_chose(onsite: Harness) -> None:
    await a_chosen_visit(onsite)

    refused = await do(onsite, "reschedule", {"starts": WEDNESDAY.isoformat(), "reason": "I am near"}, status=409)
    await do(onsite, "reschedule", {"starts": (CHOSEN + DAY).isoformat(), "reason": "The van broke down"})

    assert refused["type"].endswith("time-was-chosen")
    assert (await last_move(onsite)).new is not None
