"""A visit is called off while its diagnosis stands (S31)."""

from uuid import UUID

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.onsite.model.visit import LockedVisit
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.keep_choice import ask_for_another_time
from services.onsite.reactions.plan_visit import cancel

router = Router(tags=["work orders"])


class CancelVisit(Command):
    """`plans_again`: the work order goes on, and the customer is asked for another time; else it ends, and a later visit needs a new
    diagnosis."""

    reason: Reason
    plans_again: bool = False


async def cancel_visit(visit: LockedVisit, cmd: CancelVisit, tx: Transaction) -> None:
    """Raises NoVisit where another time is to be found for none."""
    if cmd.plans_again:
        await ask_for_another_time(visit, tx, reason=cmd.reason)
    else:
        await cancel(visit, tx, reason=cmd.reason, at=tx.now)


@router.post("/v1/work-orders/{work_order_id}/cancel", dependencies=[allow(*COMMANDS.roles("cancel"))])
async def cancel_visit_route(work_order_id: UUID, cmd: CancelVisit, tx: Tx, caller: Caller) -> WorkOrderOut:
    """Calls the visit off: for good, or until the customer has chosen another time. Until the technician departs."""
    visit = await visit_for(caller, work_order_id, tx, "cancel")
    await cancel_visit(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
