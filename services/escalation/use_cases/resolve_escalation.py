"""The end of an escalation: by a person, or with its case; its experts are free again."""

from uuid import UUID

from libs.events.escalation import EscalationResolved
from libs.kit.auth import STAFF
from libs.kit.fields import Text
from libs.kit.http import Command, Router, Tx, allow
from libs.store import Transaction
from services.escalation.model.escalation import Escalation
from services.escalation.model.expert import Expert
from services.escalation.queries.escalations import EscalationDetail
from services.escalation.use_cases.raise_escalation import SILENCE, STEP
from services.escalation.use_cases.work_escalation import open_to_commands

router = Router(tags=["escalations"])


class ResolveEscalation(Command):
    resolution: Text


async def end(escalation: Escalation, resolution: str, *, automatic: bool = False, tx: Transaction) -> None:
    """Nobody is called any more."""
    escalation.resolve(resolution, tx.scope.actor, tx.now)
    for timer in (STEP, SILENCE):
        tx.cancel_timer(escalation, timer)
    for expert in await tx.find_many(Expert, [each.expert_id for each in escalation.experts], lock=True):
        if expert:
            expert.release()
    tx.emit(
        EscalationResolved(
            escalation_id=escalation.id, case_id=escalation.case_id, resolution=resolution, automatic=automatic,
            by=tx.scope.actor, resolved_at=tx.now,
        )
    )  # fmt: skip


@router.post("/v1/escalations/{escalation_id}/resolve", dependencies=[allow(*STAFF)])
async def resolve_route(escalation_id: UUID, cmd: ResolveEscalation, tx: Tx) -> EscalationDetail:
    escalation = await open_to_commands(escalation_id, tx)
    await end(escalation, cmd.resolution, tx=tx)
    return EscalationDetail.model_validate(escalation)
