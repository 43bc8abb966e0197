"""What a case goes through, as facts for its clocks."""

from libs.events.cases import (
    CancellationDeclined,
    CancellationRequested,
    CancellationWithdrawn,
    CaseCancelled,
    CaseClosed,
    CaseOpened,
    CasePending,
    CaseReopened,
    CaseResolved,
    CaseResumed,
    SeverityChanged,
)
from libs.events.cases_work import (
    DiagnosisWithdrawn,
    FaultDiagnosed,
    FirstResponseSent,
    InternalNoteAdded,
    NoteAdded,
    WorkaroundProvided,
)
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.facts import Fact
from services.escalation.reactions.record_fact import record


async def start_clocks(event: CaseOpened, tx: Transaction) -> None:
    """The case's first epoch begins, with the severity it was opened with."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.account_id, case.language = event.account_id, case.language or event.language
    await record(case, tx, "opened", event.opened_at, severity=event.severity, priority=event.priority)


async def change_severity(event: SeverityChanged, tx: Transaction) -> None:
    """What is due is counted anew with the targets of the new priority."""
    rated = {"severity": event.severity, "priority": event.priority}
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "severity_changed", event.changed_at, **rated)


async def note_first_response(event: FirstResponseSent, tx: Transaction) -> None:
    """Ends the first-response clock, and starts the update clock anew."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "responded", event.sent_at)


async def note_note(event: NoteAdded, tx: Transaction) -> None:
    """A word of support, a partner or a technician to the customer starts the update clock anew; one that was said in another case does not."""
    if event.repeats:
        return
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "noted", event.added_at, origin=event.origin)


async def note_internal_work(event: InternalNoteAdded, tx: Transaction) -> None:
    """Shows that somebody works on the case, unless the service itself wrote it, or it was written in another one."""
    if event.origin != "system" and not event.repeats:
        case = await case_file(CaseFile, event.case_id, tx)
        await record(case, tx, "worked", event.added_at)


async def note_workaround(event: WorkaroundProvided, tx: Transaction) -> None:
    """Counts as a word to the customer."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "workaround", event.provided_at)


async def begin_wait(event: CasePending, tx: Transaction) -> None:
    """A wait that takes a resolution back lets the clocks run on as if there had been none."""
    assert tx.cause
    case = await case_file(CaseFile, event.case_id, tx)
    if event.takes_back_resolution:
        case.record(Fact(id=tx.cause.event_id, kind="resolution_taken_back", at=tx.cause.time))
    await record(case, tx, "wait_began", event.since, wait=event.wait, wait_id=event.wait_id)


async def end_wait(event: CaseResumed, tx: Transaction) -> None:
    """The clocks that this wait stopped run on, unless another wait stands."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "wait_ended", event.resumed_at, wait=event.wait, wait_id=event.wait_id)


async def note_diagnosis(event: FaultDiagnosed, tx: Transaction) -> None:
    """Says which skills an expert for this case needs."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.note_diagnosis(event.diagnosis_id, domain=event.domain, partner_id=event.partner_id)
    await record(case, tx, "diagnosed", event.diagnosed_at)


async def withdraw_diagnosis(event: DiagnosisWithdrawn, tx: Transaction) -> None:
    """Its skills are needed no more."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.note_diagnosis(event.diagnosis_id, withdrawn=True)
    await record(case, tx, "diagnosis_withdrawn", event.withdrawn_at)


async def meet_clocks(event: CaseResolved, tx: Transaction) -> None:
    """Ends the epoch with the resolution met; what an engineer says of it answers the customer.

    `told_at` tells it apart from a resolution that is taken back later.
    """
    assert tx.cause
    case = await case_file(CaseFile, event.case_id, tx)
    origin = None if event.automatic else "support"
    await record(case, tx, "resolved", event.resolved_at, told_at=tx.cause.time, origin=origin)


async def begin_new_epoch(event: CaseReopened, tx: Transaction) -> None:
    """New clocks, and every threshold can be breached again."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "reopened", event.reopened_at)


async def end_with_closed_case(event: CaseClosed, tx: Transaction) -> None:
    """Stops the clocks, and ends the case's escalations."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "closed", event.closed_at)


async def end_with_cancelled_case(event: CaseCancelled, tx: Transaction) -> None:
    """Stops the clocks, and ends the case's escalations."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "cancelled", event.cancelled_at)


async def note_cancellation_request(event: CancellationRequested, tx: Transaction) -> None:
    """The case takes no commands while its cancellation is assessed; its clocks run on."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "cancellation_requested", event.requested_at)


async def note_declined_cancellation(event: CancellationDeclined, tx: Transaction) -> None:
    """The case takes commands again."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "cancellation_declined", event.declined_at)


async def note_withdrawn_cancellation(event: CancellationWithdrawn, tx: Transaction) -> None:
    """The same, by the customer's own word."""
    case = await case_file(CaseFile, event.case_id, tx)
    await record(case, tx, "cancellation_withdrawn", event.withdrawn_at)
