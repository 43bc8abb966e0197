"""The technician is at the door: the visit begins (S26, S27)."""

from uuid import UUID

from libs.events.onsite import TechnicianArrived
from libs.kit.http import Caller, Router, Tx, allow
from libs.store import Transaction
from services.onsite.model.case_file import VISIT_LATE, VISIT_MISSED
from services.onsite.model.visit import LockedVisit
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out

router = Router(tags=["the day"])


async def arrive(visit: LockedVisit, tx: Transaction) -> None:
    case, order, _ = visit
    appointment = visit.booked()
    in_window = appointment.arrive(at=tx.now, by=tx.scope.actor)
    order.become("in_progress", at=tx.now, by=tx.scope.actor)
    order.waiting_for = None
    for timer in (VISIT_MISSED, VISIT_LATE):
        tx.cancel_timer(case, f"{timer}:{order.id}")
    tx.emit(TechnicianArrived(**order.ids, **appointment.facts(), in_window=in_window, arrived_at=tx.now))


@router.post("/v1/work-orders/{work_order_id}/arrive", dependencies=[allow(*COMMANDS.roles("arrive"))])
async def arrive_at_site_route(work_order_id: UUID, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The technician is at the door: the visit begins."""
    visit = await visit_for(caller, work_order_id, tx, "arrive")
    await arrive(visit, tx)
    return await work_order_out(visit.order, tx, caller)
