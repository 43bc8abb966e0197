"""The technician on the way and at the door."""

from datetime import timedelta
from uuid import UUID

from libs.events.onsite import TechnicianArrived, TechnicianDispatched
from libs.kit.http import Caller, Router, Tx, allow
from libs.store import Transaction
from services.onsite.queries.locked_visit import VisitAtHand, lock_visit
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out

router = Router(tags=["the day"])


async def depart(visit: VisitAtHand, tx: Transaction) -> None:
    """Raises PartNotDelivered, AlreadyDeparted, NoVisit, ForbiddenTransition."""
    file, order, _ = visit
    appointment = visit.booked()
    appointment.depart(file.undelivered(order.diagnosis_id), at=tx.now)
    way: timedelta = appointment.starts - appointment.leaves_at
    tx.emit(
        TechnicianDispatched(
            work_order_id=order.id,
            appointment_id=appointment.id,
            case_id=order.case_id,
            diagnosis_id=order.diagnosis_id,
            technician_id=appointment.technician_id,
            technician_name=appointment.technician_name,
            expected_at=tx.now + way,
            departed_at=tx.now,
        )
    )


async def arrive(visit: VisitAtHand, tx: Transaction) -> None:
    """The visit begins. Raises NotDeparted, NoVisit, ForbiddenTransition."""
    file, order, _ = visit
    appointment = visit.booked()
    in_window = appointment.arrive(at=tx.now, by=tx.scope.actor)
    order.become("in_progress", at=tx.now, by=tx.scope.actor)
    tx.cancel_timer(file, f"visit_missed:{order.id}")
    tx.emit(
        TechnicianArrived(
            work_order_id=order.id,
            appointment_id=appointment.id,
            case_id=order.case_id,
            diagnosis_id=order.diagnosis_id,
            technician_id=appointment.technician_id,
            technician_name=appointment.technician_name,
            in_window=in_window,
            arrived_at=tx.now,
        )
    )


@router.post("/v1/work-orders/{work_order_id}/depart", dependencies=[allow("technician", "manager")])
async def depart_route(work_order_id: UUID, tx: Tx, caller: Caller) -> WorkOrderOut:
    visit = await lock_visit(work_order_id, tx, caller)
    await depart(visit, tx)
    return await work_order_out(visit.order, tx, caller)


@router.post("/v1/work-orders/{work_order_id}/arrive", dependencies=[allow("technician", "manager")])
async def arrive_route(work_order_id: UUID, tx: Tx, caller: Caller) -> WorkOrderOut:
    visit = await lock_visit(work_order_id, tx, caller)
    await arrive(visit, tx)
    return await work_order_out(visit.order, tx, caller)
