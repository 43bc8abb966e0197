"""A person ends an escalation and says how it was solved (S23)."""

from uuid import UUID

from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from services.escalation.queries.access import COMMANDS
from services.escalation.queries.escalations import EscalationDetail, detail, escalation_for
from services.escalation.reactions.end_escalation import end_escalation

router = Router(tags=["escalations"])


class ResolveEscalation(Command):
    resolution: Text


@router.post("/v1/escalations/{escalation_id}/resolve", dependencies=[allow(*COMMANDS.roles("resolve"))])
async def resolve_escalation_route(
    escalation_id: UUID, cmd: ResolveEscalation, tx: Tx, caller: Caller
) -> EscalationDetail:
    """Ends an escalation; nobody is called any more."""
    asked = await escalation_for(caller, escalation_id, tx, "resolve")
    await end_escalation(asked.escalation, cmd.resolution, tx)
    return await detail(asked, caller, tx)
