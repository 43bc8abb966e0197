"""What other services tell goes into the case file as it came, early, late or twice; then the case is acted on."""

from datetime import datetime
from uuid import UUID

from libs.events.cases import CaseCancelled
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import CoverageDecided
from libs.events.rma import (
    DeliveryPromiseChanged,
    PartBackordered,
    PartDeadOnArrival,
    PartDelivered,
    PartLost,
    PartReserved,
    PartShipped,
    RmaCancelled,
    RmaDenied,
)
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.onsite.model.case_file import CaseFile, Coverage, Diagnosis, Part, PartStatus, Stop
from services.onsite.reactions.act_on_case import act_on

Promise = PartReserved | PartShipped | DeliveryPromiseChanged
Setback = RmaDenied | RmaCancelled | PartLost | PartDeadOnArrival | PartBackordered


async def note_diagnosis(event: FaultDiagnosed, tx: Transaction) -> None:
    """Keeps a diagnosis that calls for a technician, and no other."""
    if event.remedy != "onsite_replacement":
        return
    case = await case_file(CaseFile, event.case_id, tx)
    if event.diagnosis_id not in case.diagnoses:
        case.diagnoses[event.diagnosis_id] = Diagnosis.of(event)
        await act_on(case, tx)


async def note_withdrawal(event: DiagnosisWithdrawn, tx: Transaction) -> None:
    """Ends a visit for this diagnosis that has not begun."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.withdrawn.setdefault(event.diagnosis_id, Stop(reason=event.reason, at=event.withdrawn_at))
    await act_on(case, tx)


async def note_cancelled_case(event: CaseCancelled, tx: Transaction) -> None:
    """Ends every visit of the case that has not begun."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.cancelled = case.cancelled or Stop(reason=event.reason, at=event.cancelled_at)
    await act_on(case, tx)


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """Keeps the highest revision; a visit moves or waits where its site changed, and ends where none comes to the right one."""
    case = await case_file(CaseFile, event.case_id, tx)
    if case.coverage is None or event.revision > case.coverage.revision:
        before, case.account_id = case.coverage, event.account_id
        case.coverage = Coverage.of(event, before)
        site_changed = before is not None and before.stands_elsewhere(event.site)
        await act_on(case, tx, site_changed=site_changed, corrected=case.coverage.corrects(before))


async def note_promise(event: Promise, tx: Transaction) -> None:
    """The part is on its way, and promised by an instant."""
    case = await case_file(CaseFile, event.case_id, tx)
    status: PartStatus | None = None
    match event:
        case PartReserved():
            status, at = "reserved", event.reserved_at
        case PartShipped():
            status, at = "shipped", event.shipped_at
        case DeliveryPromiseChanged():
            at = event.changed_at
    part = _part(case, event.rma_id, event.diagnosis_id, at)
    if status and part.status != "delivered":
        part.status, part.at = status, at
    if part.promised_by != event.promised_by:
        part.promised_by, part.promised_at = event.promised_by, at
    if not isinstance(event, DeliveryPromiseChanged):
        part.part_number = event.part_number
    if isinstance(event, PartShipped):
        part.serial = event.serial or part.serial
    await act_on(case, tx)


async def note_delivery(event: PartDelivered, tx: Transaction) -> None:
    """The part is at the site: the technician may set out."""
    case = await case_file(CaseFile, event.case_id, tx)
    part = _part(case, event.rma_id, event.diagnosis_id, event.delivered_at)
    if part.status not in ("lost", "dead_on_arrival"):
        part.status, part.at = "delivered", event.delivered_at
    part.delivered_at, part.part_number = event.delivered_at, event.part_number
    part.serial = event.serial or part.serial
    await act_on(case, tx)


async def note_stopped_part(event: Setback, tx: Transaction) -> None:
    """The part does not come as promised: a visit planned on it moves or waits."""
    case = await case_file(CaseFile, event.case_id, tx)
    status: PartStatus
    match event:
        case RmaDenied():
            status, at = "denied", event.denied_at
        case RmaCancelled():
            status, at = "cancelled", event.cancelled_at
        case PartLost():
            status, at = "lost", event.lost_at
        case PartDeadOnArrival():
            status, at = "dead_on_arrival", event.reported_at
        case PartBackordered():
            status, at = "backordered", event.backordered_at
    part = _part(case, event.rma_id, event.diagnosis_id, at)
    part.status, part.at = status, at
    if isinstance(event, PartLost | PartDeadOnArrival):
        part.replaced_by = event.replaced_by_rma_id
    await act_on(case, tx)


def _part(case: CaseFile, rma_id: UUID, diagnosis_id: UUID, at: datetime) -> Part:
    return case.parts.setdefault(rma_id, Part(diagnosis_id=diagnosis_id, status="reserved", at=at))
