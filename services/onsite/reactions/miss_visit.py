"""What timers find: nobody came within the window, or a visit still waits for a technician."""

from uuid import UUID

from libs.events.onsite import VisitMissed
from libs.store import Transaction
from services.onsite.model.case_file import CaseFile
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.locked_visit import visit_of
from services.onsite.reactions.act_on_case import act_on_visit
from services.onsite.reactions.plan_visit import release


async def miss_visit(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """We did not come when we had said: it is on record, and planned again at once (S31)."""
    visit = await visit_of(await WorkOrder.get(UUID(work_order_id), tx, lock=True), case, tx)
    _, order, appointment = visit
    if appointment is None or appointment.state != "confirmed":
        return
    reason = "not_arrived" if appointment.departed_at else "not_departed"
    appointment.become("missed", at=tx.now, by=tx.scope.actor, reason=reason)
    order.become("open", at=tx.now, by=tx.scope.actor, reason="visit_missed")
    await release(visit, tx)
    tx.emit(
        VisitMissed(
            **order.ids,
            appointment_id=appointment.id,
            window=appointment.window,
            reason=reason,
            missed_at=tx.now,
        )
    )
    await act_on_visit(await visit_of(order, case, tx), tx, at=tx.now)


async def plan_again(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """Looks once more for a technician."""
    order = await WorkOrder.get(UUID(work_order_id), tx, lock=True)
    if order.state == "open":
        await act_on_visit(await visit_of(order, case, tx), tx, at=tx.now)
