"""What the facts of a case ask for now: opening, refusing, planning, moving or ending its visits.

Everything is derived from the case file, so the order in which its facts came does not matter, and asking twice changes nothing.
"""

from datetime import datetime, timedelta

from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.availability import demand_of, offers, policy_for, take
from services.onsite.model.case_file import PLAN_VISIT, CaseFile, Readiness
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.locked_visit import visit_of
from services.onsite.reactions.keep_choice import keep_or_ask
from services.onsite.reactions.open_work_order import open_or_refuse, refuse
from services.onsite.reactions.plan_visit import cancel, move, schedule, wait


async def act_on(case: CaseFile, tx: Transaction, *, site_changed: bool = False, corrected: bool = False) -> None:
    """Needs the case file locked; called after each fact. `corrected`: what was decided for the case was for the wrong unit or site."""
    if tx.rebuilding:
        return
    for diagnosis_id in sorted(case.diagnoses):
        order = await WorkOrder.find(WorkOrder.id_for(diagnosis_id), tx, lock=True)
        if order is None:
            order = await open_or_refuse(case, diagnosis_id, tx)
        if order is not None and order.state in ("open", "planned"):
            visit = await visit_of(order, case, tx)
            doubt = "site_changed" if site_changed else None
            if corrected and order.concern(case.coverage.product if case.coverage else None):
                doubt = doubt or "unit_corrected"
            if corrected and await refuse(case, diagnosis_id, tx):
                await cancel(visit, tx, reason="the case was corrected, and no technician comes", at=tx.now)
            else:
                await act_on_visit(visit, tx, doubt=doubt)


async def act_on_visit(
    visit: LockedVisit,
    tx: Transaction,
    *,
    at: datetime | None = None,
    doubt: str | None = None,
    certain: bool = False,
) -> None:
    """Plans, moves or ends one visit that has not begun.

    `at` is the instant of what asks, where that is no fact; `doubt` is why a booked time may not be possible any more, `certain` that it
    is not.
    """
    case, order, appointment, _ = visit
    if stop := case.stop(order.diagnosis_id):
        await cancel(visit, tx, reason=stop.reason, at=stop.at)
        return
    ready = case.readiness(order.diagnosis_id, frozenset(order.unusable))
    when = at or max(instant for instant in (order.opened_at, ready.since) if instant is not None)
    if ready.by is None:
        order.waiting_for = ready.reason
        if appointment is not None:
            await wait(visit, tx, reason=ready.reason, at=when)
    elif appointment is None:
        await _plan(visit, ready, tx, at=when)
    else:
        await _keep_or_move(visit, appointment, ready, tx, at=when, doubt=doubt, certain=certain)


async def _plan(visit: LockedVisit, ready: Readiness, tx: Transaction, *, at: datetime) -> None:
    case, order = visit.case, visit.order
    assert ready.by is not None
    if order.choice and order.choice.stands(tx.now):
        await keep_or_ask(visit, order.choice, tx, parts_by=ready.by, at=at, reason=ready.reason)
        return
    if not (await policy_for(case, tx)).auto_book:
        order.waiting_for = "customer_choice"
        return
    demand = await demand_of(case, order, tx, not_before=ready.by)
    slot = await take(order, demand, tx)
    if slot is None:
        order.waiting_for = "technician"
        await _try_again_later(visit, tx)
        return
    await schedule(visit, slot, tx, parts_by=ready.by, at=at, chosen_by="policy")


async def _keep_or_move(
    visit: LockedVisit,
    appointment: Appointment,
    ready: Readiness,
    tx: Transaction,
    *,
    at: datetime,
    doubt: str | None,
    certain: bool,
) -> None:
    """Later promise: the visit moves after it. Earlier promise: it moves up. A time that somebody chose is kept, or asked about."""
    assert ready.by is not None
    if appointment.state == "en_route":
        return
    reason = None
    if visit.case.visitable_from(visit.order.diagnosis_id, ready.by) > appointment.starts:
        reason = ready.reason
    elif doubt and (certain or not await _still_fits(visit, appointment, tx)):
        reason = doubt
    if reason and appointment.is_chosen:
        await keep_or_ask(visit, appointment.choice(), tx, parts_by=ready.by, at=at, reason=reason)
        return
    if reason or appointment.may_move_up(ready.by):
        demand = await demand_of(visit.case, visit.order, tx, not_before=ready.by)
        slot = await take(visit.order, demand, tx)
        if slot and (reason or slot.window.starts < appointment.starts):
            why = reason or ready.reason
            await move(visit, slot, tx, parts_by=ready.by, at=at, chosen_by="policy", reason=why)
            return
        if reason and slot is None:
            await wait(visit, tx, reason="technician", at=at, waits_for="technician")
            await _try_again_later(visit, tx)
            return
    appointment.parts_by = ready.by


async def _still_fits(visit: LockedVisit, appointment: Appointment, tx: Transaction) -> bool:
    """Whether that technician can still come at that time: the site, its hours, the technician's day may have changed."""
    demand = await demand_of(visit.case, visit.order, tx, not_before=appointment.starts, notice=False)
    found = await offers(visit.order, demand, tx, technician_id=appointment.technician_id, as_planned=True)
    first = next(found, None)
    return first is not None and first.window.starts == appointment.starts


async def _try_again_later(visit: LockedVisit, tx: Transaction) -> None:
    minutes = (await policy_for(visit.case, tx)).retry_minutes
    tx.set_timer(visit.case, f"{PLAN_VISIT}:{visit.order.id}", tx.now + timedelta(minutes=minutes))
