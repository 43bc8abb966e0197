"""The timers of an escalation: the next step when nobody took it up, and again when who did fell silent; it is never quiet for ever (S23)."""

from libs.events.escalation import EscalationUnacknowledged, EscalationUnanswered
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import SILENCE, UNANSWERED, Escalation
from services.escalation.model.recipients import told_unanswered
from services.escalation.queries.our_people import admins
from services.escalation.queries.phone_book import phone_book
from services.escalation.queries.settings_of_case import settings_now
from services.escalation.reactions.raise_escalation import call_next_step


async def step_on(escalation: Escalation, tx: Transaction, _detail: str) -> None:
    """The step's time passed without as many people as it wants. After the last repeat of the last step it is unanswered."""
    if escalation.state != "triggered":
        return
    case = await CaseFile.get(escalation.case_id, tx)
    settings = await settings_now(case, tx)
    if escalation.following():
        await call_next_step(escalation, case, settings, tx)
        return
    escalation.leave_unanswered(tx.now)
    await call_unanswered(escalation, tx, "")


async def call_unanswered(escalation: Escalation, tx: Transaction, _detail: str) -> None:
    """Nobody took it up in any step: service management and the admins are told, again and again until somebody does."""
    if escalation.state != "unanswered":
        return
    settings = await settings_now(await CaseFile.get(escalation.case_id, tx), tx)
    recipients = told_unanswered(await admins(tx), settings, await phone_book(tx))
    call = escalation.call_unanswered(tx.now)
    assert escalation.next_step_at
    tx.set_timer(escalation, UNANSWERED, escalation.next_step_at)
    tx.emit(
        EscalationUnanswered(
            **escalation.ids,
            number=escalation.number,
            priority=escalation.priority,
            recipients=[each.as_recipient() for each in recipients],
            call=call,
            next_call_at=escalation.next_step_at,
            unanswered_at=escalation.unanswered_since,
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
