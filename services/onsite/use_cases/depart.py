"""The technician sets out (S26)."""

from datetime import timedelta
from uuid import UUID

from libs.events.onsite import TechnicianDispatched
from libs.kit.http import Caller, Router, Tx, allow
from libs.store import Transaction
from services.onsite.model.visit import LockedVisit
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out

router = Router(tags=["the day"])


async def depart(visit: LockedVisit, tx: Transaction) -> None:
    case, order, _ = visit
    appointment = visit.booked()
    appointment.depart(case.undelivered(order.diagnosis_id), at=tx.now, by=tx.scope.actor)
    way: timedelta = appointment.starts - appointment.leaves_at
    tx.emit(TechnicianDispatched(**order.ids, **appointment.facts(), expected_at=tx.now + way, departed_at=tx.now))


@router.post("/v1/work-orders/{work_order_id}/depart", dependencies=[allow(*COMMANDS.roles("depart"))])
async def depart_for_site_route(work_order_id: UUID, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The technician sets out; the part has to be at the site already."""
    visit = await visit_for(caller, work_order_id, tx, "depart")
    await depart(visit, tx)
    return await work_order_out(visit.order, tx, caller)
