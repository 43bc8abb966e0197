"""Take the matter back from the partner, or give up asking."""

from typing import cast
from uuid import UUID

from libs.events.values import Role
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from services.ecps.queries.access import COMMANDS
from services.ecps.queries.engagements import EngagementOut, engagement_for
from services.ecps.reactions.end_engagement import withdraw

router = Router(tags=["partner engagements"])


class WithdrawEngagement(Command):
    reason: Reason


@router.post(
    "/v1/partner-engagements/{engagement_id}/withdraw",
    dependencies=[allow(*COMMANDS.roles("withdraw"))],
)
async def withdraw_engagement_route(
    engagement_id: UUID, cmd: WithdrawEngagement, tx: Tx, caller: Caller
) -> EngagementOut:
    """Takes the matter back; a ticket that the partner has is ended there."""
    its = await engagement_for(caller, engagement_id, tx, "withdraw")
    by_role = cast("Role", caller.role)
    await withdraw(its.engagement, cmd.reason, tx, by=caller.actor, by_role=by_role, at=tx.now)
    return EngagementOut.of(its, caller)
