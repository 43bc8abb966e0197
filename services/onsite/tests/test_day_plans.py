"""A day planned anew, by the solver."""

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events.onsite import VisitRescheduled
from services.onsite.model.day_solver import Crew, Job, best_day
from services.onsite.model.technician import Booking
from services.onsite.model.work_order import WorkOrder
from services.onsite.tests.builders import (
    AN,
    BINH,
    THU_DUC,
    WEDNESDAY,
    a_decision,
    a_delivery,
    a_diagnosis,
    a_place,
    a_reservation,
    a_site,
    a_technician,
    an_id,
)
from tests.support.harness import Harness

WHO = {"day": "2026-03-04", "technician_ids": [str(AN), str(BINH)]}


async def a_visit(h: Harness, n: int, **how: Any) -> UUID:
    ids = {"case_id": an_id(f"case {n}"), "diagnosis_id": an_id(f"diagnosis {n}")}
    await h.deliver(a_decision(case_id=ids["case_id"], **how), a_diagnosis(**ids))
    await h.deliver(a_reservation(**ids, rma_id=an_id(f"rma {n}")))
    return WorkOrder.id_for(ids["diagnosis_id"])


async def plan(h: Harness, status: int = 201, **changed: Any) -> Any:
    response = await h.post("/v1/day-plans", {**WHO, **changed}, role="manager")
    assert response.status_code == status, response.text
    return response.json()


async def bookings(h: Harness) -> dict[UUID, Booking]:
    async with h.transaction() as tx:
        return {booking.work_order_id: booking for booking in await tx.select(Booking)}


@pytest.mark.promise("S31")
async def test_a_technician_who_became_free_lets_everybody_be_visited_earlier(onsite: Harness) -> None:
    await a_technician(onsite)
    await a_place(onsite)
    orders = [await a_visit(onsite, n) for n in range(3)]
    await a_technician(onsite, "Bình")

    planned = await plan(onsite)

    assert (planned["applied"], planned["proven"]) == (True, True)
    assert planned["waiting_minutes"] < planned["waiting_minutes_before"]
    now = await bookings(onsite)
    starts = sorted(now[order].starts - WEDNESDAY for order in orders)
    assert starts == [timedelta(0), timedelta(0), timedelta(hours=2, minutes=30)]
    assert {now[order].technician_id for order in orders} == {AN, BINH}
    moved = [
        v for v in planned["visits"] if (v["old_starts"], v["old_technician_id"]) != (v["starts"], v["technician_id"])
    ]
    events = await onsite.events(VisitRescheduled)
    assert sorted(str(e.work_order_id) for e in events) == sorted(v["work_order_id"] for v in moved)
    assert {(e.reason, e.by_role) for e in events} == {("day_plan", "manager")}


async def test_a_visit_whose_time_the_customer_chose_stays(onsite: Harness) -> None:
    await a_technician(onsite)
    order = await a_visit(onsite, 1)
    chosen = {"starts": (WEDNESDAY + timedelta(hours=4)).isoformat(), "reason": "after lunch"}
    await onsite.post(f"/v1/work-orders/{order}/reschedule", chosen, role="engineer")
    await a_technician(onsite, "Bình")

    planned = await plan(onsite)

    assert (planned["applied"], planned["visits"][0]["pinned"]) == (False, True)
    assert (await bookings(onsite))[order].starts == WEDNESDAY + timedelta(hours=4)


async def test_asking_what_would_be_changes_nothing(onsite: Harness) -> None:
    await a_technician(onsite)
    for n in range(2):
        await a_visit(onsite, n)
    await a_technician(onsite, "Bình")
    before = {order: booking.to_row() for order, booking in (await bookings(onsite)).items()}

    asked = await plan(onsite, apply=False)

    assert not asked["applied"]
    assert {order: booking.to_row() for order, booking in (await bookings(onsite)).items()} == before
    assert (await onsite.get("/v1/day-plans?day=2026-03-04", role="manager")).json()["items"] == [asked]
    assert (await onsite.get(f"/v1/day-plans/{asked['id']}", role="manager")).json() == asked


@pytest.mark.promise("S31")
async def test_the_shorter_round_is_taken_where_nobody_waits_longer(onsite: Harness) -> None:
    await a_technician(onsite, home=THU_DUC)
    await a_technician(onsite, "Bình")
    await a_place(onsite)
    await a_place(onsite, "Thu Duc", THU_DUC)
    near = await a_visit(onsite, 1, site=a_site(city="Thủ Đức"))
    far = await a_visit(onsite, 2)
    async with onsite.transaction() as tx:  # each at the other's doorstep
        one, other = await tx.select(Booking, order_by=(Booking.c.technician_id,), lock=True)
        one.technician_id, other.technician_id = other.technician_id, one.technician_id
        one.leaves_at = other.leaves_at = one.starts - timedelta(minutes=28)

    planned = await plan(onsite)

    assert (planned["travel_minutes_before"], planned["travel_minutes"]) == (56, 30)
    now = await bookings(onsite)
    assert (now[near].technician_id, now[far].technician_id) == (AN, BINH)


async def test_a_day_that_is_being_lived_is_left_alone(onsite: Harness) -> None:
    await a_technician(onsite)
    await a_technician(onsite, "Bình")
    order = await a_visit(onsite, 1)
    ids = {"case_id": an_id("case 1"), "diagnosis_id": an_id("diagnosis 1"), "rma_id": an_id("rma 1")}
    await onsite.deliver(a_delivery(**ids))
    await onsite.advance(WEDNESDAY - timedelta(hours=1) - await onsite.now())
    assert (await onsite.post(f"/v1/work-orders/{order}/depart", role="manager")).status_code == 200

    refused = await plan(onsite, status=409)

    assert refused["work_order_id"] == str(order)


async def test_a_day_without_visits_and_a_stranger_are_refused(onsite: Harness) -> None:
    await a_technician(onsite)

    empty = await plan(onsite, status=422, technician_ids=[str(AN)])
    unknown = await plan(onsite, status=404)

    assert (empty["type"].endswith("nothing-to-plan"), empty["day"]) == (True, "2026-03-04")
    assert str(BINH) in unknown["detail"]
    assert (await onsite.post("/v1/day-plans", WHO, role="technician", technician_id=AN)).status_code == 403


GRID = 30
_CREWS = [Crew(an_id("one"), 480), Crew(an_id("two"), 480)]


@given(
    data=st.data(),
    lengths=st.lists(st.sampled_from([60, 90, 120]), min_size=1, max_size=4),
    crews=st.integers(1, 2),
)
@settings(max_examples=25, deadline=None)
def test_the_solver_finds_what_trying_everything_finds(data: st.DataObject, lengths: list[int], crews: int) -> None:
    jobs = []
    for n, minutes in enumerate(lengths):
        opens = data.draw(st.sampled_from([480, 540, 600, 780]))
        jobs.append(Job(an_id(f"job {n}"), minutes, {c.id: [(opens, 900)] for c in _CREWS[:crews]}))
    ids = [crew.id for crew in _CREWS[:crews]] + [job.id for job in jobs]
    travel = {(a, b): data.draw(st.sampled_from([15, 30, 45])) for a in ids for b in ids if a != b}

    found = best_day(jobs, _CREWS[:crews], travel, grid=GRID, seconds=5)

    best = _by_trying(jobs, _CREWS[:crews], travel)
    if found is None:
        assert best is None
    else:
        assert found.proven
        turns = found.turns.values()
        assert (sum(turn.starts for turn in turns), sum(turn.travel for turn in turns)) == best


def _by_trying(jobs: list[Job], crews: list[Crew], travel: dict[tuple[UUID, UUID], int]) -> tuple[int, int] | None:
    """Every order of the visits, cut in every way between the technicians."""
    best: tuple[int, int] | None = None
    for order in permutations(jobs):
        for cut in range(len(jobs) + 1) if len(crews) == 2 else [len(jobs)]:
            rounds = [_drive(crew, part, travel) for crew, part in zip(crews, (order[:cut], order[cut:]), strict=False)]
            if all(rounds):
                total = (sum(r[0] for r in rounds if r), sum(r[1] for r in rounds if r))
                best = min(best or total, total)
    return best


def _drive(crew: Crew, part: tuple[Job, ...], travel: dict[tuple[UUID, UUID], int]) -> tuple[int, int] | None:
    at, here, starts, ways = crew.leaves_after, crew.id, 0, 0
    for job in part:
        start = job.start(crew.id, at + travel[here, job.id], GRID)
        if start is None:
            return None
        starts, ways = starts + start, ways + travel[here, job.id]
        at, here = start + job.minutes, job.id
    return starts, ways
