"""What happens with the technician's visit, as the case sees it: a wait until it is over, and the customer's signature."""

from libs.events.onsite import (
    OnsiteNotCovered,
    VisitCancelled,
    VisitCompleted,
    VisitFailed,
    VisitMissed,
    VisitRescheduled,
    VisitScheduled,
)
from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.case import Case
from services.cases.model.parts import Confirmation
from services.cases.model.wording import say
from services.cases.use_cases.add_note import note_fact
from services.cases.use_cases.settle_case import cause_of, settle


async def wait_for_visit(event: VisitScheduled | VisitRescheduled, tx: Transaction) -> None:
    """One wait for a work order, however often its visit moves."""
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None:
        return
    cause = cause_of(tx)
    at = event.scheduled_at if isinstance(event, VisitScheduled) else event.rescheduled_at
    case.begin_wait(derived(cause.event_id, "wait"), "visit", since=at, by=cause.actor, cause_id=event.work_order_id)
    await settle(case, tx, at=at, by=cause.actor, reason="visit scheduled")


async def end_visit_completed(event: VisitCompleted, tx: Transaction) -> None:
    """Signed for by the customer: resolves when nothing else is waited for."""
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None:
        return
    cause = cause_of(tx)
    if event.note:
        note_fact(case, tx, event.note, at=event.completed_at, origin="technician", author=event.technician_name)
    if event.signed_off_by:
        case.take_up()
        word = Confirmation(
            cause_id=event.work_order_id, kind="visit", signed_by=event.signed_off_by, at=event.completed_at
        )
        case.confirm(word)
    waits = (w for w in case.waits if w.cause_id == event.work_order_id)
    case.end_waits(waits, at=event.completed_at, by=cause.actor, reason="visit completed")
    await settle(case, tx, at=event.completed_at, by=cause.actor, reason="visit completed")


async def end_visit_without_success(event: VisitFailed | VisitMissed | VisitCancelled, tx: Transaction) -> None:
    """A visit that is planned again begins a wait of its own."""
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None:
        return
    cause = cause_of(tx)
    match event:
        case VisitFailed():
            at, phrase, why = event.failed_at, "visit_failed", event.explanation
        case VisitMissed():
            at, phrase, why = event.missed_at, "visit_missed", event.reason
        case VisitCancelled():
            at, phrase, why = event.cancelled_at, "visit_cancelled", event.reason
    note_fact(case, tx, say(phrase, case.language, text=why), at=at)
    reason = phrase.replace("_", " ")
    case.end_waits((w for w in case.waits if w.cause_id == event.work_order_id), at=at, by=cause.actor, reason=reason)
    await settle(case, tx, at=at, by=cause.actor, reason=reason)


async def note_no_visit(event: OnsiteNotCovered, tx: Transaction) -> None:
    if case := await Case.find(event.case_id, tx, lock=True):
        text = say("onsite_not_covered", case.language, text=event.explanation)
        note_fact(case, tx, text, at=event.decided_at)
