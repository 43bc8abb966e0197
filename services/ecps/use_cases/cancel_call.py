"""Cancel a joint call that has not been held (S10)."""

from typing import cast
from uuid import UUID

from libs.events.values import Role
from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from services.ecps.queries.joint_calls import JointCallOut, call_for, shown
from services.ecps.reactions.cancel_calls import cancel

router = Router(tags=["joint calls"])


class CancelCall(Command):
    reason: Reason


@router.post("/v1/joint-calls/{call_id}/cancel", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def cancel_call_route(call_id: UUID, cmd: CancelCall, tx: Tx, caller: Caller) -> JointCallOut:
    """Cancels a call that has not been held, also of a case that is over; its invitation then takes it back."""
    call = await call_for(caller, call_id, tx, lock=True)
    await cancel(call, cmd.reason, tx, by=caller.actor, by_role=cast("Role", caller.role), at=tx.now)
    return await shown(call, caller, tx)
