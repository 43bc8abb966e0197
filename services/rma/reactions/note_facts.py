"""Keep every fact about a case, and do what all of them together call for, in whatever order they came."""

from libs.events.cases import CaseCancelled, CaseOpened, SeverityChanged
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import CoverageDecided
from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitCompleted, VisitFailed
from libs.events.values import InstalledPart
from libs.store import Transaction
from services.rma.model.case_file import CaseFile, Diagnosis, Visit, case_file_of
from services.rma.model.depot import Depot
from services.rma.model.network import Network
from services.rma.model.rma import UNSHIPPED, Rma, rmas_of_case
from services.rma.reactions.authorize_rma import decide_on_cover, take_cover
from services.rma.reactions.follow_visits import follow_visits
from services.rma.reactions.open_rma import open_rma_for_diagnosis
from services.rma.reactions.order_labels import order_labels_again
from services.rma.use_cases.cancel_rma import cancel_rma, stop_for_cancelled_case


async def note_case(event: CaseOpened, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.account_id, case.case_number = event.account_id, event.number
    case.product_number, case.serial = event.product_number, event.serial
    case.note_severity(event.severity, event.priority, event.opened_at)
    await settle(case, tx)


async def note_severity(event: SeverityChanged, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.note_severity(event.severity, event.priority, event.changed_at)
    await settle(case, tx)


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """The highest revision holds."""
    case = await case_file_of(event.case_id, tx)
    case.account_id = case.account_id or event.account_id
    if case.coverage is None or event.revision > case.coverage.revision:
        case.coverage = event
        await settle(case, tx)


async def open_rma_for_diagnosed_part(event: FaultDiagnosed, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.account_id = case.account_id or (tx.cause.account_id if tx.cause else None)
    case.diagnosis(event.diagnosis_id).fault = event
    await settle(case, tx)


async def stop_rmas_of_withdrawn_diagnosis(event: DiagnosisWithdrawn, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.diagnosis(event.diagnosis_id).withdrawn = event
    await settle(case, tx)


async def stop_rmas_of_cancelled_case(event: CaseCancelled, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.cancelled = event
    await settle(case, tx)


async def note_that_no_technician_comes(event: OnsiteNotCovered, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.diagnosis(event.diagnosis_id).not_onsite = event
    await settle(case, tx)


async def note_visit(event: VisitCompleted | VisitFailed | VisitCancelled, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.diagnosis(event.diagnosis_id).add(_visit(event))
    await settle(case, tx)


def _visit(event: VisitCompleted | VisitFailed | VisitCancelled) -> Visit:
    match event:
        case VisitCompleted():
            return Visit(
                kind="completed", work_order_id=event.work_order_id, at=event.completed_at, arrived_at=event.arrived_at,
                installed=event.installed or _paired(event.serials_in, event.serials_out), by=event.technician_name,
            )  # fmt: skip
        case VisitFailed():
            return Visit(
                kind="failed", work_order_id=event.work_order_id, at=event.failed_at, last=not event.plans_again,
                dead_on_arrival=event.reason == "part_dead_on_arrival", explanation=event.explanation,
                rma_ids=event.rma_ids, by=event.by,
            )  # fmt: skip
        case VisitCancelled():
            return Visit(kind="cancelled", work_order_id=event.work_order_id, at=event.cancelled_at, by=event.by)


def _paired(serials_in: list[str], serials_out: list[str]) -> list[InstalledPart]:
    if len(serials_in) > 1 or len(serials_out) > 1:  # nobody can say which belongs to which
        return []
    return [InstalledPart(serial_in=next(iter(serials_in), None), serial_out=next(iter(serials_out), None))]


async def settle(case: CaseFile, tx: Transaction) -> None:
    """Does nothing a second time: each act changes the RMA that it looks at."""
    if tx.rebuilding:
        return
    if not any(diagnosis.calls_for_a_part for diagnosis in case.diagnoses.values()):
        return
    rmas = await rmas_of_case(case.id, tx)
    for diagnosis in case.diagnoses.values():
        fault = diagnosis.fault
        known = {rma.cause_id for rma in rmas}
        if fault and diagnosis.calls_for_a_part and case.account_id and fault.diagnosis_id not in known:
            rmas.append(await open_rma_for_diagnosis(case, case.account_id, fault, tx))
    for rma in rmas:
        await _follow(rma, case, case.diagnoses[rma.diagnosis_id], tx)


async def _follow(rma: Rma, case: CaseFile, diagnosis: Diagnosis, tx: Transaction) -> None:
    if rma.state in ("cancelled", "closed") or rma.closed_at:
        return
    rma.severity, rma.priority, rma.onsite = case.severity, case.priority, diagnosis.technician_comes
    rma.case_number = case.case_number
    if rma.contract_due is None and rma.product_number is None:
        rma.product_number, rma.serial = case.product_number, case.serial
    if case.cancelled:
        await stop_for_cancelled_case(rma, tx, f"the case was cancelled: {case.cancelled.reason}")
    elif diagnosis.withdrawn:
        if rma.state in UNSHIPPED:
            await cancel_rma(rma, tx, f"the diagnosis was withdrawn: {diagnosis.withdrawn.reason}")
    elif case.coverage:
        await decide_on_cover(rma, case.coverage, tx)
        if rma.state in ("backordered", "reserved"):
            await _move(rma, case, tx)
    elif rma.state == "requested":
        rma.waiting_for = "coverage"
    await follow_visits(rma, diagnosis, case, tx)


async def _move(rma: Rma, case: CaseFile, tx: Transaction) -> None:
    """An address or a contact changed before the part left: other labels, and another forecast."""
    coverage = case.coverage
    if coverage is None or coverage.site is None or (coverage.site, coverage.contact) == (rma.ship_to, rma.contact):
        return
    take_cover(rma, coverage)
    if rma.state == "reserved" and rma.depot_id:
        network = await Network.load(tx, plan=rma.plan)
        depot: Depot = network.depots[rma.depot_id]
        if lane := network.lane(rma.depot_id, coverage.site):
            tx.set_timer(rma, "forecast:address", tx.now)
            await order_labels_again(rma, depot, lane, tx)
