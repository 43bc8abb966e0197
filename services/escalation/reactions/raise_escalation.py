"""What calls for an escalation, a breach or somebody who asks for it, raises one or joins the one that is open for the case (S23)."""

from uuid import UUID

from libs.events.escalation import BreachJoined, EscalationRaised, EscalationStepped
from libs.store import Transaction
from libs.store.ids import derived, new_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import STEP, UNANSWERED, Change, Escalation, Joined
from services.escalation.model.escalation_policy import EscalationPolicy, chosen
from services.escalation.model.people import Addressee
from services.escalation.model.recipients import called_by_step, reaches_nobody, told_of_join
from services.escalation.model.settings import EscalationSettings
from services.escalation.queries.phone_book import phone_book


async def open_escalation(case_id: UUID, tx: Transaction) -> Escalation | None:
    """The one that is open for this case, locked. There is never a second one while the case file is locked."""
    await tx.flush()
    return await tx.first(Escalation, Escalation.c.case_id == case_id, Escalation.c.state != "resolved", lock=True)


async def escalate(
    case: CaseFile,
    settings: EscalationSettings,
    tx: Transaction,
    *,
    reason: str,
    explanation: str,
    breach_id: UUID | None = None,
) -> Escalation:
    """Needs a locked case that is worked. The escalation that was raised, or that is open and goes on for this too."""
    if known := await open_escalation(case.id, tx):
        what = Joined(reason=reason, explanation=explanation, breach_id=breach_id, by=tx.scope.actor, at=tx.now)
        await _join(known, case, settings, tx, what)
        return known
    return await _raise(case, settings, tx, reason=reason, explanation=explanation, breach_id=breach_id)


async def _join(
    escalation: Escalation, case: CaseFile, settings: EscalationSettings, tx: Transaction, what: Joined
) -> None:
    """It keeps its policy and its step. Who holds it is told; while nobody does the next step tells, and where nobody answered in
    any step, the steps begin anew."""
    before, recipients = escalation.state, list[Addressee]()
    if before in ("acknowledged", "handed_over"):
        recipients = told_of_join(escalation.held_by, settings, await phone_book(tx))
    escalation.join(what)
    tx.emit(
        BreachJoined(
            **escalation.ids,
            reason=what.reason,
            breach_id=what.breach_id,
            recipients=[each.as_recipient() for each in recipients],
            by=what.by,
            joined_at=what.at,
        )
    )
    if before == "unanswered":
        tx.cancel_timer(escalation, UNANSWERED)
        await call_next_step(escalation, case, settings, tx)


async def _raise(
    case: CaseFile,
    settings: EscalationSettings,
    tx: Transaction,
    *,
    reason: str,
    explanation: str,
    breach_id: UUID | None,
) -> Escalation:
    """The policy that fits is frozen into it."""
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
    """Begins the step that follows, after the last one the first anew, and tells its people; the one after it waits for its
    timer. A step that reaches nobody says so and the next one follows at once, up to the last one."""
    for _ in escalation.policy.steps:
        number, _ = escalation.following() or (1, 0)
        calls = escalation.policy.steps[number - 1].calls
        book = await phone_book(tx, calls)
        nobody = reaches_nobody(case, calls, book)
        step_ends_at = escalation.begin_step(tx.now, called_by_step(case, calls, settings, book))
        goes_on = nobody and number < len(escalation.policy.steps)
        tx.emit(
            EscalationStepped(
                **escalation.ids,
                step=escalation.step,
                repeat=escalation.repeat,
                acknowledgements_wanted=escalation.current_step.acknowledgements,
                reached_nobody=nobody,
                reasons=escalation.reasons,
                recipients=[each.as_recipient() for each in escalation.recipients],
                next_step_at=tx.now if goes_on else escalation.next_step_at,
                stepped_at=tx.now,
            )
        )
        tx.set_timer(escalation, STEP, step_ends_at)
        if not goes_on:
            break
