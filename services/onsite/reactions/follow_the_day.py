"""A day as it is lived: a visit that takes longer, and what comes after it (S27, S31)."""

from datetime import datetime, timedelta
from uuid import UUID

from libs.events.onsite import TechnicianDelayed
from libs.store import Transaction
from services.onsite.model.availability import is_open_at, policy_for
from services.onsite.model.case_file import VISIT_LATE, VISIT_OVER, VISIT_PUSHED, CaseFile
from services.onsite.model.places import travel_time
from services.onsite.model.slots import whereabouts
from services.onsite.model.technician import Booking
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.locked_visit import visit_of
from services.onsite.reactions.act_on_case import act_on_visit
from services.onsite.reactions.plan_visit import watch_for_the_technician


async def occupy(visit: LockedVisit, tx: Transaction, *, until: datetime) -> None:
    """The technician is with this visit until then. The next one is looked at by a timer of its own case, since visits are locked first."""
    booking = await Booking.get(Booking.id_for(visit.order.id), tx, lock=True)
    booking.busy_until = until if until > booking.ends else None
    theirs = Booking.c.technician_id == booking.technician_id, Booking.c.starts > booking.starts
    after = next(iter(await tx.select(Booking, *theirs, order_by=(Booking.c.starts,), limit=1)), None)
    if after and booking.until > after.leaves_at:
        order = await WorkOrder.get(after.work_order_id, tx)
        tx.set_timer(await CaseFile.get(order.case_id, tx), f"{VISIT_PUSHED}:{order.id}", tx.now)


def watch_for_the_end(visit: LockedVisit, tx: Transaction, *, until: datetime) -> None:
    """Sets the timer that notices when a visit is not over then."""
    tx.set_timer(visit.case, f"{VISIT_OVER}:{visit.order.id}", max(until, tx.now))


async def note_overrun(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """It takes longer than planned: some time more is taken for it, again and again until it is over."""
    visit = await visit_of(await WorkOrder.get(UUID(work_order_id), tx, lock=True), case, tx)
    if visit.appointment is None or visit.appointment.state != "in_progress":
        return
    until = tx.now + timedelta(minutes=(await policy_for(case, tx)).overrun_minutes)
    await occupy(visit, tx, until=until)
    watch_for_the_end(visit, tx, until=until)


async def push_visit(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """The visit before takes longer. Within the window all is well; a little later it is told; else somebody else comes, or another time."""
    visit = await visit_of(await WorkOrder.get(UUID(work_order_id), tx, lock=True), case, tx)
    appointment = visit.appointment
    if appointment is None or appointment.state != "confirmed":
        return
    arrives, policy = await _can_be_there(visit, tx), await policy_for(case, tx)
    if arrives <= appointment.awaited_until:
        return
    in_time = arrives <= appointment.window_ends + timedelta(minutes=policy.delay_minutes)
    if in_time and await is_open_at(case, arrives, tx, until=arrives + appointment.length):
        await delay(visit, tx, expected_at=arrives)
    else:
        await act_on_visit(visit, tx, at=tx.now, doubt="visit_before", certain=True)


async def delay(visit: LockedVisit, tx: Transaction, *, expected_at: datetime, reason: str | None = None) -> None:
    """The technician comes then, on the same visit: both sides are told, nothing is missed before, and what comes after is looked at."""
    case, order, appointment = visit.case, visit.order, visit.booked()
    appointment.expected_at = expected_at
    if appointment.state == "confirmed":
        await watch_for_the_technician(case, appointment, tx)
    else:
        late = timedelta(minutes=(await policy_for(case, tx)).late_minutes)
        tx.set_timer(case, f"{VISIT_LATE}:{order.id}", appointment.awaited_until + late)
        order.waiting_for = None
    await occupy(visit, tx, until=max(expected_at, appointment.starts) + appointment.length)
    by = tx.scope.actor
    tx.emit(
        TechnicianDelayed(
            **order.ids,
            **appointment.facts(),
            window=appointment.window,
            time_zone=appointment.time_zone,
            expected_at=expected_at,
            cause="visit_before" if by.startswith("system") else "said",
            reason=reason,
            by=by,
            delayed_at=tx.now,
        )
    )


async def _can_be_there(visit: LockedVisit, tx: Transaction) -> datetime:
    """When the technician can be there, coming from the visit before; now, without one."""
    booking = await Booking.get(Booking.id_for(visit.order.id), tx)
    theirs = Booking.c.technician_id == booking.technician_id, Booking.c.starts < booking.starts
    earlier = await tx.select(Booking, *theirs)
    before = max(earlier, key=lambda each: each.until, default=None)
    if before is None:
        return tx.now
    way = travel_time(whereabouts(before), whereabouts(booking), await policy_for(visit.case, tx))
    return before.until + way
