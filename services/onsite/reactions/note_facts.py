"""What other services tell goes into the case file as it came, early, late or twice; then the case is settled."""

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
from libs.store import Transaction
from services.onsite.model.case_file import CaseFile, Coverage, Diagnosis, Part, PartStatus, Stop
from services.onsite.reactions.act_on_case import settle

Promise = PartReserved | PartShipped | DeliveryPromiseChanged
Setback = RmaDenied | RmaCancelled | PartLost | PartDeadOnArrival | PartBackordered


async def note_diagnosis(event: FaultDiagnosed, tx: Transaction) -> None:
    """Keeps a diagnosis that wants a technician; the others are none of ours."""
    if event.remedy != "onsite_replacement":
        return
    file = await _file(event.case_id, tx)
    if event.diagnosis_id not in file.diagnoses:
        file.diagnoses[event.diagnosis_id] = Diagnosis.of(event)
        await settle(file, tx)


async def note_withdrawal(event: DiagnosisWithdrawn, tx: Transaction) -> None:
    file = await _file(event.case_id, tx)
    file.withdrawn.setdefault(event.diagnosis_id, Stop(reason=event.reason, at=event.withdrawn_at))
    await settle(file, tx)


async def note_cancelled_case(event: CaseCancelled, tx: Transaction) -> None:
    file = await _file(event.case_id, tx)
    file.cancelled = file.cancelled or Stop(reason=event.reason, at=event.cancelled_at)
    await settle(file, tx)


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """Keeps the highest revision."""
    file = await _file(event.case_id, tx)
    if file.coverage is None or event.revision > file.coverage.revision:
        before, file.account_id = file.coverage, event.account_id
        file.coverage = Coverage.of(event, before)
        await settle(file, tx, site_changed=before is not None and before.site != event.site)


async def note_promise(event: Promise, tx: Transaction) -> None:
    """The part is on its way, and promised by an instant."""
    file = await _file(event.case_id, tx)
    status: PartStatus | None = None
    match event:
        case PartReserved():
            status, at = "reserved", event.reserved_at
        case PartShipped():
            status, at = "shipped", event.shipped_at
        case DeliveryPromiseChanged():
            at = event.changed_at
    part = _part(file, event.rma_id, event.diagnosis_id, at)
    if status and part.status != "delivered":
        part.status, part.at = status, at
    if part.promised_by != event.promised_by:
        part.promised_by, part.promised_at = event.promised_by, at
    if not isinstance(event, DeliveryPromiseChanged):
        part.part_number = event.part_number
    if isinstance(event, PartShipped):
        part.serial = event.serial or part.serial
    await settle(file, tx)


async def note_delivery(event: PartDelivered, tx: Transaction) -> None:
    file = await _file(event.case_id, tx)
    part = _part(file, event.rma_id, event.diagnosis_id, event.delivered_at)
    if part.status not in ("lost", "dead_on_arrival"):
        part.status, part.at = "delivered", event.delivered_at
    part.delivered_at, part.part_number = event.delivered_at, event.part_number
    part.serial = event.serial or part.serial
    await settle(file, tx)


async def note_stopped_part(event: Setback, tx: Transaction) -> None:
    """The part does not come as promised: a visit planned on it moves or waits."""
    file = await _file(event.case_id, tx)
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
    part = _part(file, event.rma_id, event.diagnosis_id, at)
    part.status, part.at = status, at
    if isinstance(event, PartLost | PartDeadOnArrival):
        part.replaced_by = event.replaced_by_rma_id
    await settle(file, tx)


async def _file(case_id: UUID, tx: Transaction) -> CaseFile:
    file = await CaseFile.find(case_id, tx, lock=True)
    if file is None:
        file = tx.add(CaseFile.empty(case_id, tx.cause.account_id if tx.cause else None))
    return file


def _part(file: CaseFile, rma_id: UUID, diagnosis_id: UUID, at: datetime) -> Part:
    return file.parts.setdefault(rma_id, Part(diagnosis_id=diagnosis_id, status="reserved", at=at))
