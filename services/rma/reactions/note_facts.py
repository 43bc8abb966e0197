"""Keep every fact about a case, and act on all of them together, in whatever order they came."""

from libs.events.cases import CaseCancelled, CaseOpened, SeverityChanged
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import CoverageDecided
from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitCompleted, VisitFailed
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.rma.model.case_file import CaseFile, Visit
from services.rma.reactions.act_on import act_on


async def note_case(event: CaseOpened, tx: Transaction) -> None:
    """Whose it is, and which unit failed."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.account_id, case.case_number = event.account_id, event.number
    case.product_number, case.serial = event.product_number, event.serial
    case.note_severity(event.severity, event.priority, event.opened_at)
    await act_on(case, tx)


async def note_severity(event: SeverityChanged, tx: Transaction) -> None:
    """The latest word holds."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.note_severity(event.severity, event.priority, event.changed_at)
    await act_on(case, tx)


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """The highest revision holds."""
    case = await case_file(CaseFile, event.case_id, tx)
    if case.coverage is None or event.revision > case.coverage.revision:
        case.coverage = event
        await act_on(case, tx)


async def note_diagnosis(event: FaultDiagnosed, tx: Transaction) -> None:
    """What failed, and what is to be done about it; what was written of it serves nothing here."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.diagnosis(event.diagnosis_id).fault = event.model_copy(update={"findings": ""})
    await act_on(case, tx)


async def note_withdrawal(event: DiagnosisWithdrawn, tx: Transaction) -> None:
    """The diagnosis does not stand any more."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.diagnosis(event.diagnosis_id).withdrawn = event
    await act_on(case, tx)


async def note_cancellation(event: CaseCancelled, tx: Transaction) -> None:
    """The case is over; nothing of it is wanted."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.cancelled = event
    await act_on(case, tx)


async def note_no_visit(event: OnsiteNotCovered, tx: Transaction) -> None:
    """No technician comes."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.diagnosis(event.diagnosis_id).not_onsite = event
    await act_on(case, tx)


async def note_visit(event: VisitCompleted | VisitFailed | VisitCancelled, tx: Transaction) -> None:
    """How a visit ended."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.diagnosis(event.diagnosis_id).add(Visit.of(event))
    await act_on(case, tx)
