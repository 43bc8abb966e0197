"""A day's visits planned anew: everyone as early as possible, travel second (S31)."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from libs.events.values import Window
from libs.kit.auth import MANAGERS
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.problems import Conflict, Unprocessable
from libs.store import Transaction
from libs.store.ids import new_id
from services.onsite.model.appointment import Appointment
from services.onsite.model.availability import demand_of
from services.onsite.model.case_file import CaseFile
from services.onsite.model.day import Day, Stop
from services.onsite.model.day_plan import DayPlan, PlannedVisit
from services.onsite.model.day_solver import Plan, Turn, best_day
from services.onsite.model.policy import policies
from services.onsite.model.slots import Slot
from services.onsite.model.technician import Booking, Technician
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.day_plans import DayPlanOut
from services.onsite.queries.locked_visit import lock_visit
from services.onsite.reactions.plan_visit import move

router = Router(tags=["day plans"])


class NothingToPlan(Unprocessable):
    """None of these technicians has a visit on that day."""


class DayHasBegun(Conflict):
    """Somebody is on the way or at a site: that day's plan is being lived."""


class DayChanged(Conflict):
    """A visit of that day was booked, moved or cancelled while the plan was made."""


class NoPlan(Conflict):
    """No plan makes every visit, or none was found in time; nothing was changed."""


class ReplanDay(Command):
    """`day` is each visit's date at its site. `apply` false only asks what would be."""

    day: date
    technician_ids: list[UUID] = Field(min_length=1, max_length=20)
    apply: bool = True


async def replan_day(cmd: ReplanDay, tx: Transaction) -> DayPlan:
    """Visits whose time somebody chose stay; the others move where that is better. Nothing is locked while it is solved.

    Raises NothingToPlan, DayHasBegun, NoPlan, DayChanged, NotFound.
    """
    day, policy = await _day(cmd, tx), await policies.at(tx)
    jobs = day.jobs()
    plan = await asyncio.to_thread(
        best_day, jobs, day.crews(), day.travel(), grid=policy.slot_minutes, seconds=policy.solver_seconds
    )
    if plan is None:
        raise NoPlan("No plan makes every visit of that day; nothing was changed.", possible=["reschedule"])
    apply = cmd.apply and not day.is_as_good_as(dict(plan.turns))
    first = sum(day.first_possible(job) for job in jobs)
    record = DayPlan(
        id=new_id(),
        day=cmd.day,
        technician_ids=cmd.technician_ids,
        applied=apply,
        proven=plan.proven,
        waiting_minutes_before=sum(day.minutes(stop.booking.starts) for stop in day.stops) - first,
        waiting_minutes=sum(turn.starts for turn in plan.turns.values()) - first,
        travel_minutes_before=day.travelled,
        travel_minutes=sum(turn.travel for turn in plan.turns.values()),
        visits=[_planned(stop, plan.turns[stop.id], day) for stop in day.stops],
        by=tx.scope.actor,
        created_at=tx.now,
    )
    if apply:
        await _apply(day, plan, tx)
    return tx.add(record)


async def _day(cmd: ReplanDay, tx: Transaction) -> Day:
    technicians = [await Technician.get(id, tx) for id in dict.fromkeys(cmd.technician_ids)]
    stops = []
    for booking in await _bookings(cmd.day, [technician.id for technician in technicians], tx):
        order = await WorkOrder.get(booking.work_order_id, tx)
        case, appointment = await CaseFile.get(order.case_id, tx), await Appointment.get(booking.appointment_id, tx)
        ready = case.readiness(order.diagnosis_id, frozenset(order.unusable))
        demand = await demand_of(case, order, tx, not_before=ready.by or appointment.parts_by)
        if demand.calendar.local_date(booking.starts) != cmd.day:
            continue
        if appointment.state != "confirmed":
            raise DayHasBegun(
                "A technician is on the way already.", work_order_id=str(order.id), possible=["reschedule"]
            )
        stops.append(Stop(booking, demand, pinned=appointment.is_chosen))
    if not stops:
        raise NothingToPlan("None of these technicians has a visit on that day.", day=cmd.day.isoformat())
    return Day(cmd.day, stops, technicians)


async def _bookings(day: date, technician_ids: list[UUID], tx: Transaction) -> list[Booking]:
    """Those that can be on that date in some time zone, as the database has them now."""
    c, margin = Booking.c, timedelta(hours=14)
    midnight = sa.cast(sa.literal(day), sa.TIMESTAMP(timezone=True))
    query = sa.select(Booking.table).where(
        c.technician_id.in_(technician_ids),
        c.starts > midnight - margin,
        c.starts < midnight + timedelta(days=1) + margin,
    )
    return [Booking.from_record(record.items()) for record in await tx.fetch(query.order_by(c.work_order_id))]


async def _apply(day: Day, plan: Plan, tx: Transaction) -> None:
    """Locks what was read, sees that it is still so, and tells each customer whose visit moves."""
    visits = {stop.id: await lock_visit(stop.id, tx) for stop in sorted(day.stops, key=lambda stop: stop.id)}
    crew = {t.id: t for t in await tx.find_many(Technician, [t.id for t in day.technicians], lock=True) if t}
    now = {b.work_order_id: b.to_row() for b in await _bookings(day.day, list(crew), tx)}
    if any(now.get(stop.id) != stop.booking.to_row() for stop in day.stops):
        raise DayChanged("A visit of that day changed while the plan was made; ask again.", possible=["day-plans"])
    for stop in day.stops:
        turn, visit = plan.turns[stop.id], visits[stop.id]
        starts, appointment = day.instant(turn.starts), visit.booked()
        leaves_at = starts - timedelta(minutes=turn.travel)
        if (turn.crew, starts) == (stop.booking.technician_id, stop.booking.starts):
            booking = await Booking.get(stop.booking.id, tx, lock=True)
            # another visit may come before it now
            booking.leaves_at = appointment.leaves_at = leaves_at
            continue
        window = Window(starts=starts, ends=starts + timedelta(minutes=stop.demand.policy.arrival_window_minutes))
        slot = Slot(
            technician_id=turn.crew,
            technician_name=crew[turn.crew].own_name,
            person_id=crew[turn.crew].person_id,
            window=window,
            leaves_at=leaves_at,
            ends_at=starts + stop.length,
            travel_minutes=turn.travel,
        )
        parts_by = appointment.parts_by
        await move(visit, slot, tx, parts_by=parts_by, at=tx.now, chosen_by="policy", reason="day_plan")


def _planned(stop: Stop, turn: Turn, day: Day) -> PlannedVisit:
    return PlannedVisit(
        work_order_id=stop.id,
        pinned=stop.pinned,
        old_technician_id=stop.booking.technician_id,
        old_starts=stop.booking.starts,
        technician_id=turn.crew,
        starts=day.instant(turn.starts),
    )


@router.post("/v1/day-plans", status_code=201, dependencies=[allow(*MANAGERS)])
async def replan_day_route(cmd: ReplanDay, tx: Tx) -> DayPlanOut:
    """Plans a day's visits anew; `apply: false` only shows what would be."""
    return DayPlanOut.model_validate(await replan_day(cmd, tx))
