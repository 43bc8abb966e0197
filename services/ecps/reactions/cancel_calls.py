"""Calls that have not been held are cancelled with their case."""

from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.joint_call import JointCall
from services.ecps.reactions.forget_people import forget_later


async def cancel_calls(case: CaseFile, reason: str, tx: Transaction) -> None:
    """Cancels what is requested or scheduled for this cancelled case; an invitation that went out gets its next number."""
    if tx.rebuilding:
        return
    waiting = JointCall.c.state.in_(("requested", "scheduled"))
    for call in await tx.select(JointCall, JointCall.c.case_id == case.id, waiting, lock=True):
        call.sequence += call.window is not None
        call.become("cancelled", tx, reason, at=case.state_at)
        await forget_later(call, tx)
