"""A person ends an escalation and says how it was solved (S23)."""

from uuid import UUID

from libs.kit.auth import STAFF
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from services.escalation.queries.escalations import EscalationDetail
from services.escalation.reactions.end_escalation import end_escalation
from services.escalation.use_cases.work_escalation import open_to_commands

router = Router(tags=["escalations"])


class ResolveEscalation(Command):
    resolution: Text


@router.post("/v1/escalations/{escalation_id}/resolve", dependencies=[allow(*STAFF)])
async def resolve_escalation_route(
    escalation_id: UUID, cmd: ResolveEscalation, tx: Tx, caller: Caller
) -> EscalationDetail:
    """Ends an escalation; nobody is called any more."""
    escalation = await open_to_commands(escalation_id, tx, caller)
    await end_escalation(escalation, cmd.resolution, tx)
    return EscalationDetail.model_validate(escalation)
