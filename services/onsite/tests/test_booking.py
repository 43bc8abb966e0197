"""Choosing a time, and that no technician is ever in two places."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.events.onsite import VisitRescheduled, VisitScheduled
from services.onsite.model.technician import Booking
from services.onsite.model.work_order import WorkOrder
from services.onsite.reactions.note_facts import note_promise
from services.onsite.tests.builders import (
    ACCOUNT,
    AN,
    BINH,
    MONDAY,
    PATH,
    PROMISED,
    THU_DUC,
    WEDNESDAY,
    a_decision,
    a_delivery,
    a_diagnosis,
    a_place,
    a_planned_visit,
    a_reservation,
    a_site,
    a_technician,
    an_id,
    do,
)
from tests.support.harness import Harness
from tests.support.summaries import shows_one_line_of_each

OURS: dict[str, Any] = {"role": "customer", "accounts": [ACCOUNT]}


async def the_customer_chooses(h: Harness) -> None:
    response = await h.post("/v1/onsite-policies", {"settings": {"auto_book": False}, "why": "test"}, role="manager")
    assert response.status_code == 201


async def a_case(h: Harness, n: int, *, promised: bool = True) -> UUID:
    """A case of an account of its own; its work order's id."""
    ids = {"case_id": an_id(f"case {n}"), "diagnosis_id": an_id(f"diagnosis {n}")}
    await h.deliver(a_diagnosis(**ids), a_decision(case_id=ids["case_id"], account_id=an_id(f"account {n}")))
    if promised:
        await h.deliver(a_reservation(**ids, rma_id=an_id(f"rma {n}")))
    return WorkOrder.id_for(ids["diagnosis_id"])


@pytest.mark.promise("S31")
async def test_the_customer_sees_slots_earliest_first_and_books_one(onsite: Harness) -> None:
    await the_customer_chooses(onsite)
    await a_planned_visit(onsite)

    slots = (await onsite.get(f"{PATH}/slots?limit=3", **OURS)).json()
    assert [slot["window"]["starts"] for slot in slots["items"]] == [
        "2026-03-04T02:00:00Z",
        "2026-03-04T02:30:00Z",
        "2026-03-04T03:00:00Z",
    ]
    assert slots["items"][0]["window"]["ends"] == "2026-03-04T03:00:00Z"
    booked = await do(onsite, "book", {"starts": slots["items"][1]["window"]["starts"]}, status=201, **OURS)

    assert booked["appointment"]["window"]["starts"] == "2026-03-04T02:30:00Z"
    [scheduled] = await onsite.events(VisitScheduled)
    assert scheduled.chosen_by == "customer"
    assert scheduled.by.startswith("customer:")
    again = await do(onsite, "book", {"starts": slots["items"][2]["window"]["starts"]}, status=409, **OURS)
    assert (again["state"], again["possible"]) == ("planned", ["cancel", "reschedule"])


@pytest.mark.promise("S31")
async def test_the_customer_moves_the_visit_and_both_sides_are_told_once(onsite: Harness) -> None:
    await a_planned_visit(onsite)

    body = {"starts": "2026-03-05T07:00:00Z", "reason": "Board meeting"}
    moved = await do(onsite, "reschedule", body, **OURS)

    assert moved["appointment"]["window"]["starts"] == "2026-03-05T07:00:00Z"
    [rescheduled] = await onsite.events(VisitRescheduled)
    assert (rescheduled.by_role, rescheduled.reason) == ("customer", "Board meeting")
    assert rescheduled.old.starts == WEDNESDAY


async def test_a_time_that_nobody_can_come_at_is_refused_with_what_is_left(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    for starts in ("2026-03-03T03:00:00Z", "2026-03-04T12:00:00Z", "2026-03-07T03:00:00Z", "2026-03-04T02:10:00Z"):
        refused = await do(onsite, "reschedule", {"starts": starts, "reason": "I want it"}, status=409, **OURS)
        assert refused["slots"][0]["window"]["starts"] == "2026-03-04T02:00:00Z"

    assert await onsite.events(VisitRescheduled) == []


@pytest.mark.promise("S31")
async def test_a_part_that_came_early_may_be_visited_early_if_somebody_chooses_so(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await onsite.deliver(a_delivery(delivered_at=PROMISED - timedelta(hours=8)))

    slots = (await onsite.get(f"{PATH}/slots?limit=1", **OURS)).json()

    assert slots["items"][0]["window"]["starts"] == "2026-03-03T02:00:00Z"


async def test_a_technician_tells_of_another_time_for_a_visit_of_their_own_only(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    body = {"starts": "2026-03-05T07:00:00Z", "reason": "Van broke down"}

    await do(onsite, "reschedule", body, status=404, technician_id=BINH)
    await do(onsite, "reschedule", body)

    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.by_role == "technician"


@pytest.mark.promise("S26")
async def test_the_second_visit_of_a_day_leaves_time_for_the_way(onsite: Harness) -> None:
    await a_technician(onsite)
    await a_place(onsite)
    await a_place(onsite, "Thu Duc", THU_DUC)  # 10.5 km away: 28 minutes at 30 km/h, the road 1.3 times as long
    await a_case(onsite, 1)
    ids = {"case_id": an_id("case 2"), "diagnosis_id": an_id("diagnosis 2")}
    await onsite.deliver(a_decision(case_id=ids["case_id"], site=a_site(city="Thủ Đức")), a_diagnosis(**ids))
    await onsite.deliver(a_reservation(**ids, rma_id=an_id("rma 2")))

    first, second = await onsite.events(VisitScheduled)

    assert first.window.starts == WEDNESDAY
    assert second.window.starts == WEDNESDAY + timedelta(hours=2, minutes=30)
    async with onsite.transaction() as tx:
        on_the_way = await tx.first(Booking, Booking.c.work_order_id == second.work_order_id)
    assert on_the_way is not None
    assert on_the_way.starts - on_the_way.leaves_at == timedelta(minutes=28)


async def test_the_diary_itself_refuses_two_visits_at_once(onsite: Harness) -> None:
    starts = datetime(2026, 3, 4, 2, tzinfo=UTC)

    def a_booking(name: str, at: datetime) -> Booking:
        return Booking(
            id=an_id(name),
            work_order_id=an_id(name),
            appointment_id=an_id(name),
            technician_id=AN,
            leaves_at=at,
            starts=at,
            ends=at + timedelta(hours=2),
            latitude=None,
            longitude=None,
        )

    async with onsite.transaction() as tx:
        tx.add(a_booking("first", starts))
        tx.add(a_booking("next", starts + timedelta(hours=2)))

    with pytest.raises(asyncpg.ExclusionViolationError):
        async with onsite.transaction() as tx:
            tx.add(a_booking("second", starts + timedelta(hours=1)))


@pytest.mark.promise("S31")
async def test_of_many_customers_who_want_one_technician_at_one_time_one_gets_it(onsite: Harness) -> None:
    await the_customer_chooses(onsite)
    await a_technician(onsite)
    orders = [await a_case(onsite, n) for n in range(8)]

    answers = await asyncio.gather(
        *(
            onsite.post(
                f"/v1/work-orders/{order}/book",
                {"starts": WEDNESDAY.isoformat()},
                role="customer",
                accounts=[an_id(f"account {n}")],
            )
            for n, order in enumerate(orders)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    refusals = {answer.json()["type"].rpartition(":")[2] for answer in answers if answer.status_code == 409}
    assert refusals == {"slot-taken"}
    assert len(await onsite.events(VisitScheduled)) == 1


@pytest.mark.promise("S31")
async def test_visits_planned_at_the_same_moment_never_overlap(onsite: Harness) -> None:
    await a_technician(onsite)
    await a_technician(onsite, "Bình", home=THU_DUC)
    for n in range(8):
        await a_case(onsite, n, promised=False)

    async def promise(n: int) -> None:
        event = a_reservation(
            case_id=an_id(f"case {n}"), diagnosis_id=an_id(f"diagnosis {n}"), rma_id=an_id(f"rma {n}")
        )
        async with onsite.transaction(actor="system:onsite") as tx:
            await note_promise(event, tx)

    async def consume(n: int) -> None:
        """As the consumer does: of two that wait for each other one is told so, and tries again."""
        for _ in range(20):
            with suppress(asyncpg.DeadlockDetectedError):
                return await promise(n)
        raise AssertionError("no peace")

    await asyncio.gather(*(consume(n) for n in range(8)))

    async with onsite.transaction() as tx:
        booked = await tx.select(Booking, order_by=(Booking.c.technician_id, Booking.c.starts))
    assert len(booked) == 8
    assert {b.technician_id for b in booked} == {AN, BINH}
    for one, other in pairwise(booked):
        assert one.technician_id != other.technician_id or one.ends <= other.leaves_at


async def test_a_visit_without_a_technician_is_tried_again_until_there_is_one(onsite: Harness) -> None:
    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation())
    assert (await onsite.get(PATH)).json()["waiting_for"] == "technician"
    await a_technician(onsite)

    await onsite.advance(timedelta(minutes=61))

    assert (await onsite.get(PATH)).json()["state"] == "planned"


@pytest.mark.parametrize(
    "unfit",
    [
        {"authorisations": [{"family": "Voyager"}]},
        {"authorisations": [{"family": "Studio", "expires_on": "2026-03-03"}]},
        {"territories": [{"country": "TH"}]},
        {"territories": [{"country": "VN", "city": "Hà Nội"}]},
        {"hours": [{"weekdays": [5, 6], "opens": "08:00", "closes": "18:00"}]},
        {"active": False},
    ],
)
async def test_only_a_technician_who_may_and_can_come_is_offered(onsite: Harness, unfit: dict[str, Any]) -> None:
    await a_technician(onsite, **unfit)

    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation())

    assert (await onsite.get(f"{PATH}/slots")).json()["items"] == []


async def test_a_component_that_needs_a_skill_waits_for_who_has_it(onsite: Harness) -> None:
    settings = {"skills_by_component": {"camera": ["optics"]}}
    await onsite.post("/v1/onsite-policies", {"settings": settings, "why": "test"}, role="manager")
    await a_technician(onsite)
    await a_technician(onsite, "Bình", skills=["Optics"])

    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation())

    [scheduled] = await onsite.events(VisitScheduled)
    assert scheduled.technician_id == BINH


async def test_the_clock_is_the_one_of_the_test(onsite: Harness) -> None:
    assert timedelta(0) <= await onsite.now() - MONDAY < timedelta(minutes=1)


async def test_a_board_reads_one_line_of_each_work_order(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    for how in (OURS, {"role": "engineer"}):
        await shows_one_line_of_each(onsite, "/v1/work-orders", **how)
