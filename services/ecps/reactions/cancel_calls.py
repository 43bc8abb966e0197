"""A call that has not been held is cancelled: by whoever wants it no more, with its case, or when the partner is told no more."""

from datetime import datetime
from uuid import UUID

from libs.events.ecps_calls import JointCallCancelled
from libs.events.values import Role
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile, Said
from services.ecps.model.joint_call import JointCall
from services.ecps.reactions.forget_people import forget_later


async def cancel(call: JointCall, reason: str, tx: Transaction, *, by: str, by_role: Role, at: datetime) -> None:
    """For a locked call; an invitation that went out gets its next number. Raises ForbiddenTransition."""
    call.become("cancelled", tx, reason, at=at)
    invited = call.window is not None
    call.sequence += invited
    await forget_later(call, tx)
    tx.emit(
        JointCallCancelled(
            **call.facts(),
            window=call.window,
            calendar_url=call.calendar_path if invited else None,
            sequence=call.sequence if invited else None,
            reason=reason,
            by=by,
            by_role=by_role,
            cancelled_at=at,
        )
    )


async def cancel_calls(
    case: CaseFile, reason: str, said: Said, tx: Transaction, *, partner_id: UUID | None = None
) -> None:
    """Cancels what is requested or scheduled for this case, with this partner or with all."""
    if tx.rebuilding:
        return
    c = JointCall.c
    these = [c.case_id == case.id, c.state.in_(("requested", "scheduled"))]
    if partner_id:
        these.append(c.partner_id == partner_id)
    for call in await tx.select(JointCall, *these, order_by=(c.id,), lock=True):
        await cancel(call, reason, tx, by=said.by, by_role=said.by_role, at=said.at)
