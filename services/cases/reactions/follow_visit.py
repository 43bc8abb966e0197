"""What happens with the technician's visit, as the case sees it: a wait until it is over, and the customer's signature."""

from libs.events.onsite import (
    OnsiteNotCovered,
    TechnicianDelayed,
    VisitCancelled,
    VisitCompleted,
    VisitFailed,
    VisitMissed,
    VisitRescheduled,
    VisitScheduled,
)
from libs.store import Cause, Transaction
from libs.store.ids import derived
from services.cases.model.case import Case
from services.cases.model.case_values import Confirmation
from services.cases.model.wording import local, say
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.heard import heard
from services.cases.reactions.publish_note import note_fact


async def wait_for_visit(event: VisitScheduled | VisitRescheduled, tx: Transaction) -> None:
    """One wait for a work order, however often its visit moves; for the customer while they are asked for a time, else for the visit."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    if isinstance(event, VisitRescheduled) and event.waiting_for == "customer_choice":
        await _ask_for_a_time(event, case, cause, tx)
        return
    at = event.scheduled_at if isinstance(event, VisitScheduled) else event.rescheduled_at
    asked = case.waits_for(event.work_order_id, "customer")
    case.end_waits(asked, at=at, by=cause.actor, reason="visit scheduled")
    case.begin_wait(derived(cause.event_id, "wait"), "visit", since=at, by=cause.actor, cause_id=event.work_order_id)
    await act_on(case, tx, at=at, by=cause.actor, reason="visit scheduled")


async def _ask_for_a_time(event: VisitRescheduled, case: Case, cause: Cause, tx: Transaction) -> None:
    """With the first times that they can choose; the booking of one ends the wait."""
    at, by, reason = event.rescheduled_at, cause.actor, "visit lost its time"
    times = ", ".join(local(window.starts, event.time_zone) for window in event.alternatives)
    asked = say("choose_visit_time", case.language, times=times or "-", zone=event.time_zone)
    note_fact(case, tx, f"{say('visit_lost_its_time', case.language, text=event.reason)} {asked}", at=at)
    case.end_waits(case.waits_for(event.work_order_id, "visit"), at=at, by=by, reason=reason)
    case.begin_wait(
        derived(cause.event_id, "wait"), "customer", since=at, by=by, cause_id=event.work_order_id, note=asked
    )
    await act_on(case, tx, at=at, by=by, reason=reason)


async def end_visit_completed(event: VisitCompleted, tx: Transaction) -> None:
    """Signed for by the customer: that resolves the case when nothing else is waited for."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    at, reason = event.completed_at, "visit completed"
    if event.signed_as:
        text = say("signed_instead", case.language, text=f"{event.signed_as}: {event.signed_instead}")
        note_fact(case, tx, f"{text} {event.note or ''}".strip(), at=at)
    elif event.note:
        note_fact(case, tx, event.note, at=at, origin="technician", author=say("technician", case.language))
    case.confirm(Confirmation(cause_id=event.work_order_id, kind="visit", at=at))
    case.end_waits(case.waits_for(event.work_order_id), at=at, by=cause.actor, reason=reason)
    await act_on(case, tx, at=at, by=cause.actor, reason=reason)


async def note_delay(event: TechnicianDelayed, tx: Transaction) -> None:
    """Customer and engineer read when the technician comes."""
    if found := await heard(event, tx):
        case, _ = found
        time = local(event.expected_at, event.time_zone)
        text = say("visit_delayed", case.language, time=time, zone=event.time_zone, text=event.reason or "")
        note_fact(case, tx, text.strip(), at=event.delayed_at)


async def end_visit_without_success(event: VisitFailed | VisitMissed | VisitCancelled, tx: Transaction) -> None:
    """A visit that is planned again begins a wait of its own."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    match event:
        case VisitFailed():
            at, phrase, why = event.failed_at, "visit_failed", event.explanation
        case VisitMissed():
            at, phrase, why = event.missed_at, "visit_missed", event.reason
        case VisitCancelled():
            at, phrase, why = event.cancelled_at, "visit_cancelled", event.reason
    note_fact(case, tx, say(phrase, case.language, text=why), at=at)
    reason = phrase.replace("_", " ")
    case.end_waits(case.waits_for(event.work_order_id), at=at, by=cause.actor, reason=reason)
    await act_on(case, tx, at=at, by=cause.actor, reason=reason)


async def note_no_visit(event: OnsiteNotCovered, tx: Transaction) -> None:
    """The engineer sees it in the case and finds another way."""
    if found := await heard(event, tx):
        case, _ = found
        text = say("onsite_not_covered", case.language, text=event.explanation)
        note_fact(case, tx, text, at=event.decided_at)
