"""Raises an escalation and calls its first step: for a breach, or because a customer or one of us asks for it (S23)."""

from uuid import UUID

from libs.events.escalation import EscalationRaised, EscalationStepped
from libs.store import Transaction
from libs.store.ids import derived, new_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import STEP, Change, Escalation
from services.escalation.model.escalation_policy import EscalationPolicy, chosen
from services.escalation.model.recipients import called_by_step
from services.escalation.model.settings import EscalationSettings
from services.escalation.queries.phone_book import phone_book


async def raise_escalation(
    case: CaseFile,
    settings: EscalationSettings,
    tx: Transaction,
    *,
    reason: str,
    explanation: str,
    breach_id: UUID | None = None,
) -> Escalation:
    """Needs a locked case that is worked. The policy that fits is frozen into the escalation; one breach raises one."""
    assert case.priority
    policies = await tx.select(EscalationPolicy, EscalationPolicy.c.active)
    by = tx.scope.actor
    escalation = tx.add(
        Escalation(
            id=derived(breach_id, "escalation") if breach_id else new_id(),
            account_id=case.account_id,
            case_id=case.id,
            number=await tx.next_number("ESC"),
            breach_id=breach_id,
            reason=reason,
            explanation=explanation,
            priority=case.priority,
            epoch=case.epoch,
            policy=chosen(policies, reason, case.priority, settings),
            raised_by=by,
            raised_at=tx.now,
            active_at=tx.now,
            history=[Change(state="triggered", at=tx.now, by=by, reason=explanation)],
        )
    )
    tx.emit(
        EscalationRaised(
            **escalation.ids,
            number=escalation.number,
            reason=reason,
            breach_id=breach_id,
            priority=escalation.priority,
            by=by,
            raised_at=tx.now,
        )
    )
    await call_next_step(escalation, case, settings, tx)
    return escalation


async def call_next_step(escalation: Escalation, case: CaseFile, settings: EscalationSettings, tx: Transaction) -> None:
    """Begins the step that follows and tells its people; the one after it waits for its timer."""
    number, _ = escalation.following() or (escalation.step, escalation.repeat)
    calls = escalation.policy.steps[number - 1].calls
    recipients = called_by_step(case, calls, settings, await phone_book(tx, calls))
    step_ends_at = escalation.begin_step(tx.now, recipients)
    tx.emit(
        EscalationStepped(
            **escalation.ids,
            step=escalation.step,
            repeat=escalation.repeat,
            acknowledgements_wanted=escalation.current_step.acknowledgements,
            recipients=[each.as_recipient() for each in recipients],
            next_step_at=escalation.next_step_at,
            stepped_at=tx.now,
        )
    )
    tx.set_timer(escalation, STEP, step_ends_at)
