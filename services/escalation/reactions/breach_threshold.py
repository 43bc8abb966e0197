"""A threshold is passed: it goes on record, is told once, and raises the escalation that it calls for, or joins the open one."""

from libs.events.escalation import ThresholdBreached
from libs.store import Transaction
from services.escalation.model.breach import Breach, breach_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import Escalation
from services.escalation.model.recipients import told_of_breach
from services.escalation.model.settings import EscalationSettings
from services.escalation.model.thresholds import Threshold
from services.escalation.queries.phone_book import phone_book
from services.escalation.queries.settings_of_case import settings_of
from services.escalation.reactions.act_on_case import arm, still_to_fire
from services.escalation.reactions.raise_escalation import escalate


async def pass_threshold(case: CaseFile, tx: Transaction, key: str) -> None:
    """The timer of a threshold: it is looked at again, since the policy may have moved it, and fires when it is due."""
    case.timers = {armed: due_at for armed, due_at in case.timers.items() if armed != key}
    settings_at = await settings_of(case, tx)
    for threshold in still_to_fire(case, settings_at):
        if threshold.key == key and threshold.due_at <= tx.now:
            assert case.severity
            await _breach(case, threshold, settings_at(case.severity, None), tx)
            break
    arm(case, settings_at, tx)


async def breach_now(case: CaseFile, rule: str, tx: Transaction, *, said: str) -> Escalation | None:
    """Fires an occurrence that has just been recorded, without waiting for its timer; None when it fired before. `said` is why,
    in the words of who asked."""
    settings_at = await settings_of(case, tx)
    for threshold in still_to_fire(case, settings_at):
        if threshold.rule == rule and threshold.epoch == case.epoch:
            assert case.severity
            escalation = await _breach(case, threshold, settings_at(case.severity, None), tx, said=said)
            arm(case, settings_at, tx)
            return escalation
    return None


async def _breach(
    case: CaseFile, threshold: Threshold, settings: EscalationSettings, tx: Transaction, *, said: str | None = None
) -> Escalation | None:
    raises = threshold.raises and case.is_worked
    row = tx.add(
        Breach(
            id=breach_id(case.id, threshold),
            case_id=case.id,
            account_id=case.account_id,
            key=threshold.name,
            breached_at=tx.now,
            raised=raises,
            recipients=told_of_breach(case, settings, await phone_book(tx)),
            **threshold.facts(),
        )
    )
    case.breached = sorted([*case.breached, threshold.mark])
    tx.emit(
        ThresholdBreached(
            case_id=case.id,
            breach_id=row.id,
            clock=threshold.clock,
            breached_at=tx.now,
            raises_escalation=raises,
            recipients=[each.as_recipient() for each in row.recipients],
            **threshold.facts(),
        )
    )
    if not raises:
        return None
    why = said or threshold.explanation
    return await escalate(case, settings, tx, reason=threshold.rule, explanation=why, breach_id=row.id)
