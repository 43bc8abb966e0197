"""Record that there is no ticket of ours at the partner's, so that it is created again."""

from uuid import UUID

from libs.kit.http import Caller, Router, Tx, allow
from services.ecps.queries.access import COMMANDS
from services.ecps.queries.engagements import EngagementOut, engagement_for
from services.ecps.reactions.record_opening import submit_again

router = Router(tags=["partner engagements"])


@router.post("/v1/partner-engagements/{engagement_id}/no-ticket", dependencies=[allow(*COMMANDS.roles("no_ticket"))])
async def record_no_ticket_route(engagement_id: UUID, tx: Tx, caller: Caller) -> EngagementOut:
    """An engineer looked at the partner's side while the outcome was unknown: there is no ticket of ours. It is created again."""
    its = await engagement_for(caller, engagement_id, tx, "no_ticket")
    await submit_again(its.engagement, tx)
    return EngagementOut.of(its, caller)
