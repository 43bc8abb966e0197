"""Whatever happens to three visits and their two technicians, in any order: what may never be."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from services.onsite.model.appointment import Appointment
from services.onsite.model.technician import Booking, Technician
from services.onsite.model.work_order import WorkOrder
from services.onsite.tests.builders import (
    AN,
    BINH,
    MONDAY,
    PROMISED,
    THU_DUC,
    a_decision,
    a_delivery,
    a_diagnosis,
    a_loss,
    a_new_promise,
    a_place,
    a_reservation,
    a_site,
    a_technician,
    an_id,
)
from tests.support.harness import Harness
from tests.support.order import in_any_order

VISITS, DAYS = st.integers(0, 2), st.integers(0, 6)
HOURS = {"whole days": ("09:00", "17:00"), "afternoons": ("13:00", "17:00"), "mornings": ("08:00", "12:00")}
HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("choose"), VISITS, DAYS, st.integers(0, 9)),
        st.tuples(st.just("away"), st.sampled_from([AN, BINH]), DAYS, st.integers(1, 9)),
        st.tuples(st.just("promise"), VISITS, DAYS, st.integers(0, 9)),
        st.tuples(st.just("deliver"), VISITS, DAYS, st.integers(0, 9)),
        st.tuples(st.just("lose"), VISITS, DAYS, st.integers(0, 9)),
        st.tuples(st.just("call_off"), VISITS, DAYS, st.integers(0, 9)),
        st.tuples(st.just("open"), VISITS, st.sampled_from(sorted(HOURS)), st.integers(0, 9)),
    ),
    min_size=4,
    max_size=10,
)


class Story:
    """What was told, and which time was chosen last for each visit."""

    def __init__(self, h: Harness) -> None:
        self.h = h
        # None: another time is asked for
        self.chosen: dict[int, str | None] = {}
        self.hours = dict.fromkeys(range(3), "whole days")
        self.rmas = {n: an_id(f"rma {n}") for n in range(3)}
        self.told = 1

    def ids(self, n: int) -> dict[str, UUID]:
        return {"case_id": an_id(f"case {n}"), "diagnosis_id": an_id(f"diagnosis {n}")}

    def decision(self, n: int) -> Any:
        self.told += 1
        opens, closes = HOURS[self.hours[n]]
        site = a_site(opening_hours=[{"weekdays": [0, 1, 2, 3, 4], "opens": opens, "closes": closes}])
        return a_decision(case_id=an_id(f"case {n}"), account_id=an_id(f"account {n}"), revision=self.told, site=site)

    async def begin(self) -> None:
        await self.h.empty()
        async with self.h.database.pool.acquire() as connection:
            await connection.execute("UPDATE app_clock SET time_offset = $1 - clock_timestamp()", MONDAY)
        await a_place(self.h)
        await a_technician(self.h)
        await a_technician(self.h, "Bình", home=THU_DUC)
        for n in range(3):
            promised = a_reservation(**self.ids(n), rma_id=self.rmas[n])
            await self.h.deliver(a_diagnosis(**self.ids(n)), self.decision(n), promised)

    async def happens(self, what: str, whom: Any, when: Any, more: int) -> None:
        await getattr(self, what)(whom, when, more)

    async def choose(self, n: int, days: int, nth: int) -> None:
        how: dict[str, Any] = {"role": "customer", "accounts": [an_id(f"account {n}")]}
        path = f"/v1/work-orders/{WorkOrder.id_for(an_id(f'diagnosis {n}'))}"
        since = (PROMISED + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        slots = (await self.h.get(f"{path}/slots?limit=10&not_before={since}", **how)).json()["items"]
        if not slots:
            return
        starts = slots[nth % len(slots)]["window"]["starts"]
        booked = (await self.h.get(path, **how)).json()["state"] == "planned"
        command = "reschedule" if booked else "book"
        body = {"starts": starts, **({"reason": "board meeting"} if booked else {})}
        answer = await self.h.post(f"{path}/{command}", body, **how)
        assert answer.status_code in (200, 201), answer.text
        self.chosen[n] = starts

    async def call_off(self, n: int, _: int, __: int) -> None:
        path = f"/v1/work-orders/{WorkOrder.id_for(an_id(f'diagnosis {n}'))}"
        body = {"reason": "the room is rebuilt", "plans_again": True}
        answer = await self.h.post(f"{path}/cancel", body, role="manager")
        if answer.status_code == 200:
            self.chosen[n] = None
        else:
            assert answer.json()["state"] == "open", "there is none to call off"

    async def away(self, who: UUID, days: int, hours: int) -> None:
        starts = PROMISED + timedelta(days=days, hours=15)
        body = {"starts": starts.isoformat(), "ends": (starts + timedelta(hours=hours)).isoformat(), "reason": "ill"}
        answer = await self.h.post(f"/v1/technicians/{who}/absences", body, role="manager")
        assert answer.status_code == 201, answer.text

    async def promise(self, n: int, days: int, _: int) -> None:
        self.told += 1
        at = MONDAY + timedelta(minutes=self.told)
        new = a_new_promise(PROMISED + timedelta(days=days), rma_id=self.rmas[n], changed_at=at, **self.ids(n))
        await self.h.deliver(new)

    async def deliver(self, n: int, days: int, _: int) -> None:
        at = PROMISED + timedelta(days=days - 1)
        await self.h.deliver(a_delivery(rma_id=self.rmas[n], delivered_at=at, **self.ids(n)))

    async def lose(self, n: int, days: int, _: int) -> None:
        self.told += 1
        lost, self.rmas[n] = self.rmas[n], an_id(f"rma {n} of {self.told}")
        gone = a_loss(self.rmas[n]).model_copy(update={"rma_id": lost, **self.ids(n)})
        await self.h.deliver(gone)
        by = PROMISED + timedelta(days=days)
        await self.h.deliver(a_reservation(rma_id=self.rmas[n], promised_by=by, **self.ids(n)))

    async def open(self, n: int, hours: str, _: int) -> None:
        self.hours[n] = hours
        await self.h.deliver(self.decision(n))

    async def holds(self) -> None:
        async with self.h.transaction() as tx:
            booked = await tx.select(Booking, order_by=(Booking.c.technician_id, Booking.c.starts))
            technicians = {each.id: each for each in await tx.select(Technician)}
            visits = await tx.select(Appointment, Appointment.c.state == "confirmed")
        for one, other in pairwise(booked):
            assert one.technician_id != other.technician_id or one.ends <= other.leaves_at
        assert {each.appointment_id for each in booked} == {each.id for each in visits}
        for visit in visits:
            n = next(n for n in range(3) if visit.case_id == an_id(f"case {n}"))
            self._within_hours(n, visit)
            assert not technicians[visit.technician_id].is_away(visit.leaves_at, visit.ends)
            if n in self.chosen:
                chosen = self.chosen[n]
                assert chosen, "nothing is booked by itself while another time is asked for"
                assert visit.starts == datetime.fromisoformat(chosen), "a chosen time is kept or asked about"
                assert visit.is_chosen

    def _within_hours(self, n: int, visit: Appointment) -> None:
        opens, closes = HOURS[self.hours[n]]
        there = (visit.starts + timedelta(hours=7)).astimezone(UTC), (visit.ends + timedelta(hours=7)).astimezone(UTC)
        assert there[0].weekday() < 5
        assert opens <= there[0].strftime("%H:%M") < there[1].strftime("%H:%M") <= closes


@in_any_order(examples=8, happenings=HAPPENINGS)
async def test_a_chosen_time_is_kept_or_asked_about_and_nobody_is_in_two_places(
    onsite: Harness, data: st.DataObject, happenings: list[tuple[str, Any, Any, int]]
) -> None:
    story = Story(onsite)
    await story.begin()
    for each in happenings:
        await story.happens(*each)
        await story.holds()
