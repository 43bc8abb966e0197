"""At our sole discretion an engineer lets the technician install an update that restores the product (S30)."""

from uuid import UUID

from libs.events.onsite import SoftwareRestoreApproved
from libs.kit.fields import Reason, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import SoftwareApproval
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out

router = Router(tags=["work orders"])


class ApproveSoftware(Command):
    """`needed_to_restore` false is refused: that would be an upgrade (S29)."""

    needed_to_restore: bool
    reason: Reason
    release: Word | None = None


def approve_software(visit: LockedVisit, cmd: ApproveSoftware, tx: Transaction) -> None:
    """Raises ExcludedWork."""
    order = visit.order
    approval = SoftwareApproval(release=cmd.release, reason=cmd.reason, by=tx.scope.actor, approved_at=tx.now)
    order.approve_software(approval, needed_to_restore=cmd.needed_to_restore)
    tx.emit(
        SoftwareRestoreApproved(
            **order.ids,
            release=cmd.release,
            reason=cmd.reason,
            by=tx.scope.actor,
            approved_at=tx.now,
        )
    )


@router.post(
    "/v1/work-orders/{work_order_id}/approve-software", dependencies=[allow(*COMMANDS.roles("approve_software"))]
)
async def approve_software_route(work_order_id: UUID, cmd: ApproveSoftware, tx: Tx, caller: Caller) -> WorkOrderOut:
    """Lets the technician install an update that restores the product (S30)."""
    visit = await visit_for(caller, work_order_id, tx, "approve_software")
    approve_software(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
