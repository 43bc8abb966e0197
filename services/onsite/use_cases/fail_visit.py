"""The technician was there and could not finish: another visit follows, or the work order ends (S27)."""

from uuid import UUID

from pydantic import Field

from libs.events.onsite import FailureReason, VisitFailed
from libs.kit.fields import Serial, Text
from libs.kit.http import Caller, Router, Tx, allow
from libs.store import Transaction
from services.onsite.model.availability import policy_for
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import WorkOrderState
from services.onsite.queries.access import COMMANDS
from services.onsite.queries.locked_visit import visit_for, visit_of
from services.onsite.queries.work_orders import WorkOrderOut, work_order_out
from services.onsite.reactions.act_on_case import act_on_visit
from services.onsite.reactions.plan_visit import release
from services.onsite.use_cases.told_later import ToldLater, moment_of

router = Router(tags=["the day"])
_PARTS_AT_FAULT = frozenset({"part_dead_on_arrival", "wrong_part"})


class FailVisit(ToldLater):
    """Why it failed. `rma_ids` names the parts at fault, all of the visit's unless told; `serials` as scanned."""

    reason: FailureReason
    explanation: Text
    rma_ids: list[UUID] = Field([], max_length=50)
    serials: list[Serial] = Field([], max_length=50)
    # None: as the policy has it for the reason
    plans_again: bool | None = None


async def fail_visit(visit: LockedVisit, cmd: FailVisit, tx: Transaction) -> None:
    case, order = visit.case, visit.order
    appointment, policy = visit.booked(), await policy_for(case, tx)
    at, recorded_at = await moment_of(visit, cmd, tx)
    by = tx.scope.actor
    appointment.become("failed", at=at, by=by, reason=cmd.reason, recorded_at=recorded_at)
    at_fault: list[UUID] = []
    if cmd.reason in _PARTS_AT_FAULT:
        at_fault = cmd.rma_ids or sorted(case.parts_of(order.diagnosis_id))
    plans_again = order.fail(cmd.reason, at_fault, policy, plans_again=cmd.plans_again)
    state: WorkOrderState = "open" if plans_again else "unable_to_complete"
    order.become(state, at=at, by=by, reason=cmd.reason, recorded_at=recorded_at)
    await release(visit, tx)
    tx.emit(
        VisitFailed(
            **order.ids,
            appointment_id=appointment.id,
            technician_id=appointment.technician_id,
            person_id=appointment.person_id,
            reason=cmd.reason,
            explanation=cmd.explanation,
            rma_ids=at_fault,
            serials=cmd.serials,
            plans_again=plans_again,
            by=by,
            failed_at=at,
            recorded_at=recorded_at,
        )
    )
    if plans_again:
        await act_on_visit(await visit_of(order, case, tx), tx, at=tx.now)


@router.post("/v1/work-orders/{work_order_id}/fail", dependencies=[allow(*COMMANDS.roles("fail"))])
async def fail_visit_route(work_order_id: UUID, cmd: FailVisit, tx: Tx, caller: Caller) -> WorkOrderOut:
    """The technician could not finish: another visit follows, or the work order ends."""
    visit = await visit_for(caller, work_order_id, tx, "fail")
    await fail_visit(visit, cmd, tx)
    return await work_order_out(visit.order, tx, caller)
