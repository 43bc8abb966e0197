"""Raises an escalation and calls its first step: for a breach, or because a customer or one of us asks for it (S23)."""

from uuid import UUID

from libs.events.escalation import EscalationRaised, EscalationStepped
from libs.store import Transaction
from libs.store.ids import derived, new_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import Change, Escalation
from services.escalation.model.escalation_policy import EscalationPolicy, chosen
from services.escalation.model.recipients import told_of_step
from services.escalation.model.settings import EscalationSettings

STEP, SILENCE = "step", "silence"


async def raise_escalation(
    case: CaseFile, *, reason: str, explanation: str, settings: EscalationSettings, tx: Transaction,
    breach_id: UUID | None = None,
) -> Escalation:  # fmt: skip
    """The policy that fits is frozen into it; one breach raises one."""
    assert case.priority
    policies = await tx.select(EscalationPolicy, EscalationPolicy.c.active)
    actor = tx.scope.actor
    escalation = tx.add(
        Escalation(
            id=derived(breach_id, "escalation") if breach_id else new_id(), account_id=case.account_id, case_id=case.id,
            number=await tx.next_number("ESC"), breach_id=breach_id, reason=reason, explanation=explanation,
            priority=case.priority, epoch=case.epoch, policy=chosen(policies, reason, case.priority, settings),
            raised_by=actor, raised_at=tx.now, active_at=tx.now,
            history=[Change(state="triggered", at=tx.now, by=actor, reason=explanation)],
        )
    )  # fmt: skip
    tx.emit(
        EscalationRaised(
            escalation_id=escalation.id, case_id=case.id, number=escalation.number, reason=reason, breach_id=breach_id,
            priority=case.priority, by=actor, raised_at=tx.now,
        )
    )  # fmt: skip
    await call_next_step(escalation, case, settings, tx)
    return escalation


async def call_next_step(escalation: Escalation, case: CaseFile, settings: EscalationSettings, tx: Transaction) -> None:
    """Begins the step that follows and tells its people; the one after it waits for its timer."""
    number = (escalation.following() or (escalation.step, escalation.repeat))[0]
    calls = escalation.policy.steps[number - 1].calls
    escalation.begin_step(tx.now, await told_of_step(case, calls, settings, tx))
    tx.emit(
        EscalationStepped(
            escalation_id=escalation.id, case_id=case.id, step=escalation.step, repeat=escalation.repeat,
            acknowledgements_wanted=escalation.current_step.acknowledgements, recipients=escalation.recipients,
            next_step_at=escalation.next_step_at, stepped_at=tx.now,
        )
    )  # fmt: skip
    if escalation.next_step_at:
        tx.set_timer(escalation, STEP, escalation.next_step_at)
    else:
        tx.cancel_timer(escalation, STEP)
