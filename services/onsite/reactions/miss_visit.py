"""What timers find: nobody came within the window, or a visit still waits for a technician."""

from datetime import timedelta
from uuid import UUID

from libs.events.onsite import VisitMissed
from libs.store import Transaction
from services.onsite.model.availability import policy_for
from services.onsite.model.case_file import VISIT_LATE, CaseFile
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.locked_visit import visit_of
from services.onsite.reactions.act_on_case import act_on_visit
from services.onsite.reactions.plan_visit import release


async def miss_visit(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """We did not set out when we had said: it is on record, and planned again at once (S31). A visit on the road is not missed
    by itself."""
    visit = await visit_of(await WorkOrder.get(UUID(work_order_id), tx, lock=True), case, tx)
    order, appointment = visit.order, visit.appointment
    if appointment is None:
        return
    if appointment.state == "en_route":
        late = timedelta(minutes=(await policy_for(case, tx)).late_minutes)
        tx.set_timer(case, f"{VISIT_LATE}:{order.id}", appointment.awaited_until + late)
        return
    if appointment.state != "confirmed":
        return
    appointment.become("missed", at=tx.now, by=tx.scope.actor, reason="not_departed")
    order.become("open", at=tx.now, by=tx.scope.actor, reason="visit_missed")
    await release(visit, tx)
    tx.emit(
        VisitMissed(
            **order.ids,
            appointment_id=appointment.id,
            window=appointment.window,
            reason="not_departed",
            missed_at=tx.now,
        )
    )
    await act_on_visit(await visit_of(order, case, tx), tx, at=tx.now)


async def note_late_visit(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """The technician has been on the way for too long: the dispatcher decides, by /arrive or /undo-depart."""
    visit = await visit_of(await WorkOrder.get(UUID(work_order_id), tx, lock=True), case, tx)
    if visit.appointment is not None and visit.appointment.state == "en_route":
        visit.order.waiting_for = "dispatcher"


async def plan_again(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """Looks once more for a technician."""
    order = await WorkOrder.get(UUID(work_order_id), tx, lock=True)
    if order.state == "open":
        await act_on_visit(await visit_of(order, case, tx), tx, at=tx.now)
