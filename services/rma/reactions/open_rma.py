"""Open an RMA for a diagnosis that calls for a part, or in place of one whose part was lost or dead on arrival."""

from uuid import UUID

from libs.events.cases_work import FaultDiagnosed
from libs.events.rma import RmaRequested
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model.case_file import CaseFile
from services.rma.model.rma import Rma


async def open_rma_for_diagnosis(case: CaseFile, account_id: UUID, fault: FaultDiagnosed, tx: Transaction) -> Rma:
    """One RMA for each diagnosis, whatever is delivered twice: the diagnosis gives it its id."""
    rma = Rma(
        id=derived(fault.diagnosis_id, "rma"),
        account_id=account_id,
        number=await tx.next_number("RMA"),
        case_id=case.id,
        case_number=case.case_number,
        diagnosis_id=fault.diagnosis_id,
        cause_id=fault.diagnosis_id,
        component=fault.component,
        whole_unit=fault.whole_unit,
        wanted_part=fault.part_number,
        product_number=case.product_number,
        serial=case.serial,
        severity=case.severity,
        priority=case.priority,
        onsite=fault.remedy == "onsite_replacement",
        diagnosed_at=fault.diagnosed_at,
        repeat_of=[],
        return_serial=case.serial if fault.whole_unit else None,
        history=[],
        created_at=tx.now,
    )
    _open(rma, tx, f"diagnosed: {fault.fault_code}")
    return rma


async def open_rma_in_place_of(old: Rma, tx: Transaction, reason: str) -> Rma:
    """A second replacement under the same diagnosis and the same contract date, which is missed once.

    It awaits what the old one awaited; of a dead part whose defective one is on its way already, the dead part.
    """
    dead_part_is_left = old.state == "dead_on_arrival" and old.return_state != "awaiting_return"
    rma = Rma(
        id=derived(old.id, "rma"),
        account_id=old.account_id,
        number=await tx.next_number("RMA"),
        case_id=old.case_id,
        case_number=old.case_number,
        diagnosis_id=old.diagnosis_id,
        cause_id=old.id,
        replaces_rma_id=old.id,
        component=old.component,
        whole_unit=old.whole_unit,
        wanted_part=old.substitute_for or old.part_number,
        product_number=old.product_number,
        hardware_revision=old.hardware_revision,
        serial=old.serial,
        severity=old.severity,
        priority=old.priority,
        onsite=old.onsite,
        plan=old.plan,
        corrections=old.corrections,
        ship_to=old.ship_to,
        contact=old.contact,
        cut_off=old.cut_off,
        diagnosed_at=old.diagnosed_at,
        contract_due=old.contract_due,
        contract_ends_at=old.contract_ends_at,
        contract_missed=old.contract_missed,
        repeat_of=[],
        return_serial=old.shipped_serial if dead_part_is_left else old.return_serial,
        history=[],
        created_at=tx.now,
    )
    old.replaced_by_rma_id = rma.id
    _open(rma, tx, reason)
    return rma


def _open(rma: Rma, tx: Transaction, reason: str) -> None:
    tx.add(rma)
    rma.record("outbound", "requested", tx, reason)
    tell_requested(rma, tx)


def tell_requested(rma: Rma, tx: Transaction, reason: str | None = None) -> None:
    """`reason`: why it is decided anew."""
    tx.emit(
        RmaRequested(
            **rma.ids,
            number=rma.number,
            component=rma.component,
            part_number=rma.wanted_part,
            whole_unit=rma.whole_unit,
            product_number=rma.product_number,
            serial=rma.serial,
            onsite=rma.onsite,
            replaces_rma_id=rma.replaces_rma_id,
            priority=rma.priority,
            reason=reason,
            requested_at=tx.now,
        )
    )
