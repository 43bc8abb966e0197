"""A technician had set out in time and could not say so: the visit was not missed, and what was planned instead is called off (S31)."""

from datetime import datetime

from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.availability import location_of
from services.onsite.model.case_file import PLAN_VISIT
from services.onsite.model.technician import Booking, Technician
from services.onsite.model.visit import LockedVisit
from services.onsite.reactions.plan_visit import tell_move, tell_schedule, watch_for_the_technician

REASON = "departed_in_time"


async def missed_visit(visit: LockedVisit, departed_at: datetime, tx: Transaction) -> Appointment | None:
    """The appointment that was taken for missed although somebody had departed for it; None where none was, or one has begun since."""
    if visit.order.state not in ("open", "planned") or (visit.appointment and visit.appointment.state != "confirmed"):
        return None
    theirs = Appointment.c.work_order_id == visit.order.id, Appointment.c.state.not_in(("confirmed", "cancelled"))
    last = await tx.select(Appointment, *theirs, order_by=(Appointment.c.made.desc(),), limit=1, lock=True)
    return last[0] if last and last[0].was_departed_for(departed_at) else None


async def take_back_miss(visit: LockedVisit, missed: Appointment, tx: Transaction) -> None:
    """The appointment stands again, with the technician's time, if nobody else was given that meanwhile; both sides are told."""
    case, order, instead = visit.case, visit.order, visit.appointment
    assert case.coverage is not None
    assert case.coverage.site is not None
    await Technician.get(missed.technician_id, tx, lock=True)
    taken = Booking.c.technician_id == missed.technician_id, Booking.c.work_order_id != order.id
    if await tx.first(Booking, *taken, Booking.c.leaves_at < missed.ends, Booking.c.ends > missed.leaves_at):
        return
    by = tx.scope.actor
    booking = Booking.of(missed, await location_of(case.coverage.site, tx))
    if instead:
        instead.become("cancelled", at=tx.now, by=by, reason=f"moved: {REASON}")
        instead.end_for_technician(tx.now, 0)
        (await Booking.get(booking.id, tx, lock=True)).take_over(booking)
    else:
        order.become("planned", at=tx.now, by=by, reason=REASON)
        tx.add(booking)
    missed.become("confirmed", at=tx.now, by=by, reason=REASON)
    missed.technicians_until = None
    order.appointment_id, order.waiting_for, order.choice = missed.id, None, None
    tx.cancel_timer(case, f"{PLAN_VISIT}:{order.id}")
    await watch_for_the_technician(case, missed, tx)
    if instead:
        tell_move(visit, instead, missed, tx, reason=REASON, at=tx.now)
    else:
        tell_schedule(visit, missed, tx, at=tx.now)
