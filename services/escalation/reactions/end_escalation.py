"""The end of an escalation, by a person or with its case: nobody is called any more, and its experts are free again."""

from libs.events.escalation import EscalationResolved
from libs.store import Transaction
from services.escalation.model.escalation import SILENCE, STEP, UNANSWERED, Escalation
from services.escalation.model.expert import Expert


async def end_escalation(escalation: Escalation, resolution: str, tx: Transaction, *, automatic: bool = False) -> None:
    """Resolves a locked escalation. `automatic`: it ends with its case. Raises ForbiddenTransition."""
    by = tx.scope.actor
    escalation.resolve(resolution, by, tx.now)
    for timer in (STEP, SILENCE, UNANSWERED):
        tx.cancel_timer(escalation, timer)
    for expert in await tx.find_many(Expert, [each.expert_id for each in escalation.experts], lock=True):
        if expert:
            expert.release()
    _tell_end(escalation, by, tx, automatic=automatic)


async def tell_joined(escalation: Escalation, tx: Transaction, _detail: str) -> None:
    """The timer that a migration set: this one was joined to another and is over."""
    _tell_end(escalation, tx.scope.actor, tx, automatic=True)


def _tell_end(escalation: Escalation, by: str, tx: Transaction, *, automatic: bool) -> None:
    assert escalation.resolution
    assert escalation.resolved_at
    tx.emit(
        EscalationResolved(
            **escalation.ids,
            resolution=escalation.resolution,
            automatic=automatic,
            by=by,
            resolved_at=escalation.resolved_at,
        )
    )
