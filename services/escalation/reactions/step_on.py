"""The timers of an escalation: the next step when nobody took it up, and again when who did fell silent (S23)."""

from libs.events.escalation import EscalationUnacknowledged, EscalationUnanswered
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import SILENCE, Escalation
from services.escalation.model.recipients import service_management
from services.escalation.queries.phone_book import phone_book
from services.escalation.queries.settings_of_case import settings_now
from services.escalation.reactions.raise_escalation import call_next_step


async def step_on(escalation: Escalation, tx: Transaction, _detail: str) -> None:
    """The step's time passed without as many people as it wants. After the last repeat of the last step it is unanswered, and
    service management is told."""
    if escalation.state != "triggered":
        return
    case = await CaseFile.get(escalation.case_id, tx)
    settings = await settings_now(case, tx)
    if escalation.following():
        await call_next_step(escalation, case, settings, tx)
        return
    escalation.leave_unanswered(tx.now)
    tx.emit(
        EscalationUnanswered(
            **escalation.ids,
            number=escalation.number,
            priority=escalation.priority,
            recipients=[each.as_recipient() for each in service_management(settings, await phone_book(tx))],
            unanswered_at=tx.now,
        )
    )


async def notice_silence(escalation: Escalation, tx: Transaction, _detail: str) -> None:
    """An acknowledgement holds for as long as something is heard, here or on the case."""
    if escalation.state not in ("acknowledged", "handed_over"):
        return
    case = await CaseFile.get(escalation.case_id, tx)
    silent_from = escalation.silent_from(case.last_progress)
    if silent_from > tx.now:
        tx.set_timer(escalation, SILENCE, silent_from)
        return
    holder = escalation.held_by
    escalation.unacknowledge(tx.now)
    tx.emit(
        EscalationUnacknowledged(
            **escalation.ids,
            step=escalation.step,
            person_id=holder,
            silent_seconds=escalation.policy.unacknowledge_minutes * 60,
            unacknowledged_at=tx.now,
        )
    )
    await call_next_step(escalation, case, await settings_now(case, tx), tx)


def watch_for_silence(escalation: Escalation, tx: Transaction) -> None:
    """From now on somebody answers for it: no more steps, for as long as something is heard."""
    tx.set_timer(escalation, SILENCE, escalation.silent_from(None))
