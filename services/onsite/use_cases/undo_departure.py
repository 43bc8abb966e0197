"""The technician turned back, or had not left: the visit is as it was before the departure."""

from uuid import UUID

from libs.events.onsite import DepartureUndone
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.onsite.model.visit import LockedVisit
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.follow_the_day import occupy
from services.onsite.reactions.plan_visit import watch_for_the_technician

router = Router(tags=["the day"])


class UndoDeparture(Command):
    reason: Reason


async def undo_departure(visit: LockedVisit, cmd: UndoDeparture, tx: Transaction) -> None:
    """A window that has passed meanwhile is missed at once."""
    appointment = visit.booked()
    appointment.undo_departure(at=tx.now, by=tx.scope.actor, reason=cmd.reason)
    visit.order.waiting_for = None
    await watch_for_the_technician(visit.case, appointment, tx)
    await occupy(visit, tx, until=appointment.ends)
    tx.emit(
        DepartureUndone(
            **visit.order.ids, **appointment.facts(), reason=cmd.reason, by=tx.scope.actor, undone_at=tx.now
        )
    )


@router.post("/v1/work-orders/{work_order_id}/undo-depart", dependencies=[allow(*COMMANDS.roles("undo_depart"))])
async def undo_departure_route(work_order_id: UUID, cmd: UndoDeparture, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The technician turned back, or had not left; a window that has passed meanwhile is missed."""
    visit = await visit_for(caller, work_order_id, tx, "undo_depart")
    await undo_departure(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
