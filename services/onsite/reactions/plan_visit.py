"""Giving a work order its time: scheduling, moving, letting it wait, cancelling for good. Each tells both sides once."""

from datetime import datetime, timedelta
from typing import cast

from libs.events.onsite import VisitCancelled, VisitRescheduled, VisitScheduled
from libs.events.values import Role
from libs.store import Transaction
from services.onsite.model.appointment import Appointment, ChosenBy
from services.onsite.model.availability import location_of, policy_for
from services.onsite.model.slots import Slot
from services.onsite.model.technician import Booking
from services.onsite.queries.locked_visit import VisitAtHand


async def schedule(
    visit: VisitAtHand, slot: Slot, tx: Transaction, *, parts_by: datetime, at: datetime, chosen_by: ChosenBy
) -> Appointment:
    """Books a visit for a work order that has none (S31)."""
    order = visit.order
    appointment = await _hold(visit, slot, tx, parts_by=parts_by, at=at, chosen_by=chosen_by)
    order.become("planned", at=at, by=tx.scope.actor)
    tx.emit(
        VisitScheduled(
            work_order_id=order.id,
            appointment_id=appointment.id,
            case_id=order.case_id,
            diagnosis_id=order.diagnosis_id,
            window=appointment.window,
            time_zone=appointment.time_zone,
            visit_seconds=int((appointment.ends - appointment.starts).total_seconds()),
            technician_id=slot.technician_id,
            technician_name=slot.technician_name,
            chosen_by=chosen_by,
            by=tx.scope.actor,
            scheduled_at=at,
        )
    )
    return appointment


async def move(
    visit: VisitAtHand,
    slot: Slot,
    tx: Transaction,
    *,
    parts_by: datetime,
    at: datetime,
    chosen_by: ChosenBy,
    reason: str,
) -> Appointment:
    """Another time for a visit that is booked: one VisitRescheduled (S31)."""
    old = visit.booked()
    old.become("cancelled", at=at, by=tx.scope.actor, reason=f"moved: {reason}")
    await _end_for_technician(visit, tx)
    new = await _hold(visit, slot, tx, parts_by=parts_by, at=at, chosen_by=chosen_by)
    _tell_move(visit, old, new, tx, reason=reason, at=at)
    return new


async def wait(visit: VisitAtHand, tx: Transaction, *, reason: str, at: datetime) -> None:
    """The visit loses its time until its part is promised again."""
    old = visit.booked()
    old.become("cancelled", at=at, by=tx.scope.actor, reason=f"waits: {reason}")
    await release(visit, tx)
    visit.order.become("open", at=at, by=tx.scope.actor, reason=reason)
    visit.order.waiting_for = reason
    _tell_move(visit, old, None, tx, reason=reason, at=at)


async def cancel(visit: VisitAtHand, tx: Transaction, *, reason: str, at: datetime) -> None:
    """No visit remains."""
    _, order, appointment = visit
    if appointment is not None:
        appointment.become("cancelled", at=at, by=tx.scope.actor, reason=reason)
    await release(visit, tx)
    order.become("cancelled", at=at, by=tx.scope.actor, reason=reason)
    order.waiting_for = None
    tx.cancel_timer(visit.file, f"plan_visit:{order.id}")
    tx.emit(
        VisitCancelled(
            work_order_id=order.id,
            appointment_id=appointment.id if appointment else None,
            case_id=order.case_id,
            diagnosis_id=order.diagnosis_id,
            reason=reason,
            by=tx.scope.actor,
            cancelled_at=at,
        )
    )


async def release(visit: VisitAtHand, tx: Transaction) -> None:
    """Frees the technician's time; the work order has no active appointment any more."""
    await _end_for_technician(visit, tx)
    visit.order.appointment_id = None
    tx.cancel_timer(visit.file, f"visit_missed:{visit.order.id}")
    booking = await Booking.find(Booking.id_for(visit.order.id), tx, lock=True)
    if booking is not None:
        tx.remove(booking)
        # the same row may be made again in this transaction
        await tx.flush()


async def _end_for_technician(visit: VisitAtHand, tx: Transaction) -> None:
    if visit.appointment is not None:
        hours = (await policy_for(visit.file, tx)).technician_sees_hours
        visit.appointment.end_for_technician(tx.now, hours)


async def _hold(
    visit: VisitAtHand, slot: Slot, tx: Transaction, *, parts_by: datetime, at: datetime, chosen_by: ChosenBy
) -> Appointment:
    """Writes the appointment, the technician's diary, and the timer that notices when nobody comes."""
    file, order, _ = visit
    assert file.coverage is not None
    assert file.coverage.site is not None
    site, policy = file.coverage.site, await policy_for(file, tx)
    appointment = Appointment(
        id=order.next_appointment_id(),
        account_id=order.account_id,
        work_order_id=order.id,
        case_id=order.case_id,
        technician_id=slot.technician_id,
        technician_name=slot.technician_name,
        made=order.appointments,
        state="confirmed",
        starts=slot.window.starts,
        window_ends=slot.window.ends,
        ends=slot.ends_at,
        leaves_at=slot.leaves_at,
        time_zone=site.time_zone,
        chosen_by=chosen_by,
        parts_by=parts_by,
        steps=[],
        installed=[],
        sign_offs={},
        history=[],
    )
    appointment.note_confirmed(at=at, by=tx.scope.actor)
    tx.add(appointment)
    place = await location_of(site, tx)
    booking = Booking(
        id=Booking.id_for(order.id),
        work_order_id=order.id,
        appointment_id=appointment.id,
        technician_id=slot.technician_id,
        leaves_at=slot.leaves_at,
        starts=slot.window.starts,
        ends=slot.ends_at,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
    )
    if held := await Booking.find(Booking.id_for(order.id), tx, lock=True):
        held.take_over(booking)
    else:
        tx.add(booking)
    order.appointment_id, order.waiting_for = appointment.id, None
    tx.set_timer(
        file,
        f"visit_missed:{order.id}",
        appointment.window_ends + timedelta(minutes=policy.missed_grace_minutes),
    )
    tx.cancel_timer(file, f"plan_visit:{order.id}")
    return appointment


def _tell_move(
    visit: VisitAtHand, old: Appointment, new: Appointment | None, tx: Transaction, *, reason: str, at: datetime
) -> None:
    order, role = visit.order, tx.scope.actor.partition(":")[0]
    tx.emit(
        VisitRescheduled(
            work_order_id=order.id,
            appointment_id=new.id if new else None,
            old_appointment_id=old.id,
            case_id=order.case_id,
            diagnosis_id=order.diagnosis_id,
            old=old.window,
            new=new.window if new else None,
            time_zone=old.time_zone,
            technician_id=new.technician_id if new else None,
            technician_name=new.technician_name if new else None,
            reason=reason,
            by=tx.scope.actor,
            by_role=cast("Role", role),
            rescheduled_at=at,
        )
    )
