"""Giving a work order its time: scheduling, moving, letting it wait, cancelling for good. Each tells both sides once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from libs.events.onsite import VisitCancelled, VisitRescheduled, VisitScheduled, VisitWaitsFor
from libs.events.values import Role, Window
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.availability import location_of, policy_for
from services.onsite.model.case_file import (
    PLAN_VISIT,
    VISIT_LATE,
    VISIT_MISSED,
    VISIT_OVER,
    VISIT_PUSHED,
    CaseFile,
)
from services.onsite.model.slots import Slot
from services.onsite.model.technician import Booking
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import Choice, ChosenBy


async def schedule(
    visit: LockedVisit, slot: Slot, tx: Transaction, *, parts_by: datetime, at: datetime, chosen_by: ChosenBy
) -> Appointment:
    """Books a visit for a work order that has none (S31). Raises ForbiddenTransition."""
    order = visit.order
    appointment = await _hold(visit, slot, tx, parts_by=parts_by, at=at, chosen_by=chosen_by)
    order.become("planned", at=at, by=tx.scope.actor)
    tell_schedule(visit, appointment, tx, at=at)
    return appointment


async def move(
    visit: LockedVisit,
    slot: Slot,
    tx: Transaction,
    *,
    parts_by: datetime,
    at: datetime,
    chosen_by: ChosenBy,
    reason: str,
) -> Appointment:
    """Another time for a visit that is booked: one VisitRescheduled (S31). Raises NoVisit, ForbiddenTransition."""
    old = visit.booked()
    old.become("cancelled", at=at, by=tx.scope.actor, reason=f"moved: {reason}")
    await _end_for_technician(visit, tx)
    new = await _hold(visit, slot, tx, parts_by=parts_by, at=at, chosen_by=chosen_by)
    tell_move(visit, old, new, tx, reason=reason, at=at)
    return new


async def wait(
    visit: LockedVisit,
    tx: Transaction,
    *,
    reason: str,
    at: datetime,
    waits_for: VisitWaitsFor = "part",
    alternatives: Sequence[Window] = (),
    another_time: bool = False,
) -> None:
    """The visit loses its time; one that somebody chose is remembered, unless another is asked for. Raises NoVisit, ForbiddenTransition."""
    old, order = visit.booked(), visit.order
    old.become("cancelled", at=at, by=tx.scope.actor, reason=f"waits: {reason}")
    await release(visit, tx)
    order.become("open", at=at, by=tx.scope.actor, reason=reason)
    order.waiting_for = reason if waits_for == "part" else waits_for
    lost = old.choice(another_time=another_time)
    order.choice = lost if old.is_chosen or another_time else None
    tell_wait(visit, lost, tx, reason=reason, at=at, waits_for=waits_for, alternatives=alternatives)


def tell_schedule(visit: LockedVisit, appointment: Appointment, tx: Transaction, *, at: datetime) -> None:
    """A visit is booked where none was."""
    tx.emit(
        VisitScheduled(
            **visit.order.ids,
            **appointment.facts(),
            window=appointment.window,
            time_zone=appointment.time_zone,
            visit_seconds=int(appointment.length.total_seconds()),
            chosen_by=appointment.chosen_by,
            by=tx.scope.actor,
            scheduled_at=at,
        )
    )


def tell_move(
    visit: LockedVisit, old: Appointment, new: Appointment, tx: Transaction, *, reason: str, at: datetime
) -> None:
    """A visit has another time, or another technician, than it had."""
    by = tx.scope.actor
    tx.emit(
        VisitRescheduled(
            **visit.order.ids,
            appointment_id=new.id,
            old_appointment_id=old.id,
            old=old.window,
            new=new.window,
            time_zone=old.time_zone,
            technician_id=new.technician_id,
            person_id=new.person_id,
            reason=reason,
            by=by,
            by_role=_role(by),
            rescheduled_at=at,
        )
    )


def tell_wait(
    visit: LockedVisit,
    lost: Choice,
    tx: Transaction,
    *,
    reason: str,
    at: datetime,
    waits_for: VisitWaitsFor,
    alternatives: Sequence[Window] = (),
) -> None:
    """No time stands instead of the one that was lost, and what is waited for."""
    by = tx.scope.actor
    tx.emit(
        VisitRescheduled(
            **visit.order.ids,
            old_appointment_id=lost.appointment_id,
            old=lost.window,
            waiting_for=waits_for,
            alternatives=[*alternatives],
            time_zone=lost.time_zone,
            reason=reason,
            by=by,
            by_role=_role(by),
            rescheduled_at=at,
        )
    )


async def cancel(visit: LockedVisit, tx: Transaction, *, reason: str, at: datetime) -> None:
    """No visit remains. Raises ForbiddenTransition."""
    order, appointment = visit.order, visit.appointment
    if appointment is not None:
        appointment.become("cancelled", at=at, by=tx.scope.actor, reason=reason)
    await release(visit, tx)
    order.become("cancelled", at=at, by=tx.scope.actor, reason=reason)
    order.waiting_for = None
    tx.cancel_timer(visit.case, f"{PLAN_VISIT}:{order.id}")
    tx.emit(
        VisitCancelled(
            **order.ids,
            appointment_id=appointment.id if appointment else None,
            reason=reason,
            by=tx.scope.actor,
            cancelled_at=at,
        )
    )


async def watch_for_the_technician(case: CaseFile, appointment: Appointment, tx: Transaction) -> None:
    """Sets the timer that notices when nobody set out for a confirmed visit; at once where its window has passed."""
    grace = timedelta(minutes=(await policy_for(case, tx)).missed_grace_minutes)
    missed_at = max(appointment.awaited_until + grace, tx.now)
    tx.set_timer(case, f"{VISIT_MISSED}:{appointment.work_order_id}", missed_at)
    tx.cancel_timer(case, f"{VISIT_LATE}:{appointment.work_order_id}")


async def release(visit: LockedVisit, tx: Transaction) -> None:
    """Frees the technician's time; the work order has no active appointment any more."""
    await _end_for_technician(visit, tx)
    visit.order.appointment_id = None
    for timer in (VISIT_MISSED, VISIT_LATE, VISIT_OVER, VISIT_PUSHED):
        tx.cancel_timer(visit.case, f"{timer}:{visit.order.id}")
    booking = await Booking.find(Booking.id_for(visit.order.id), tx, lock=True)
    if booking is not None:
        tx.remove(booking)


async def _end_for_technician(visit: LockedVisit, tx: Transaction) -> None:
    if visit.appointment is not None:
        hours = (await policy_for(visit.case, tx)).technician_sees_hours
        visit.appointment.end_for_technician(tx.now, hours)


async def _hold(
    visit: LockedVisit, slot: Slot, tx: Transaction, *, parts_by: datetime, at: datetime, chosen_by: ChosenBy
) -> Appointment:
    """Writes the appointment, the technician's diary, and the timer that notices when nobody comes."""
    case, order = visit.case, visit.order
    assert case.coverage is not None
    assert case.coverage.site is not None
    site = case.coverage.site
    early = timedelta(minutes=(await policy_for(case, tx)).depart_before_minutes)
    appointment = Appointment(
        id=order.next_appointment_id(),
        account_id=order.account_id,
        work_order_id=order.id,
        case_id=order.case_id,
        technician_id=slot.technician_id,
        person_id=slot.person_id,
        technician_name=slot.technician_name,
        made=order.appointments,
        state="confirmed",
        starts=slot.window.starts,
        window_ends=slot.window.ends,
        ends=slot.ends_at,
        leaves_at=slot.leaves_at,
        departs_from=min(slot.leaves_at, slot.window.starts - early),
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
    booking = Booking.of(appointment, await location_of(site, tx))
    if held := await Booking.find(booking.id, tx, lock=True):
        held.take_over(booking)
    else:
        tx.add(booking)
    order.appointment_id, order.waiting_for, order.choice = appointment.id, None, None
    await watch_for_the_technician(case, appointment, tx)
    tx.cancel_timer(case, f"{PLAN_VISIT}:{order.id}")
    return appointment


def _role(actor: str) -> Role:
    return cast("Role", actor.partition(":")[0])
