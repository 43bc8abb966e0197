"""The technician comes later than was said: a new estimate, on the same visit (S27, S31)."""

from datetime import timedelta
from uuid import UUID

from pydantic import AwareDatetime

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.onsite.model.availability import policy_for
from services.onsite.model.visit import LockedVisit
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.follow_the_day import delay

router = Router(tags=["the day"])


class NotAnEstimate(Unprocessable):
    """It lies in the past, or so long after the window that another time is to be found."""


class RunLate(Command):
    """When the technician is expected to be there."""

    expected_at: AwareDatetime
    reason: Reason | None = None


async def run_late(visit: LockedVisit, cmd: RunLate, tx: Transaction) -> None:
    """Raises NotAnEstimate."""
    late = timedelta(minutes=(await policy_for(visit.case, tx)).late_minutes)
    latest = max(visit.booked().window_ends, tx.now) + late
    if not tx.now <= cmd.expected_at <= latest:
        raise NotAnEstimate(
            "An estimate lies ahead, and not so long after the window; later than that the visit is rescheduled.",
            field="expected_at",
            not_before=tx.now.isoformat(),
            not_after=latest.isoformat(),
        )
    await delay(visit, tx, expected_at=cmd.expected_at, reason=cmd.reason)


@router.post("/v1/work-orders/{work_order_id}/running-late", dependencies=[allow(*COMMANDS.roles("running_late"))])
async def run_late_route(work_order_id: UUID, cmd: RunLate, tx: Tx, caller: Caller) -> WorkOrderOut:
    """A new estimate, before the departure or on the way; nothing counts as missed before it."""
    visit = await visit_for(caller, work_order_id, tx, "running_late")
    await run_late(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
