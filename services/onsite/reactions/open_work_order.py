"""Whether a technician comes for a diagnosis, once that can be known."""

from uuid import UUID

from libs.events.onsite import OnsiteNotCovered, WorkOrderOpened
from libs.store import Transaction
from services.onsite.model.availability import policy_for
from services.onsite.model.case_file import CaseFile, Coverage, Diagnosis
from services.onsite.model.policy import OnsitePolicy
from services.onsite.model.work_order import Change, WorkOrder


async def open_or_refuse(file: CaseFile, diagnosis_id: UUID, tx: Transaction) -> WorkOrder | None:
    """A work order once coverage is known and includes a technician (S26); else, once, that none comes (S28, S29)."""
    coverage, diagnosis = file.coverage, file.diagnoses[diagnosis_id]
    if coverage is None or file.stop(diagnosis_id) is not None:
        return None
    policy = await policy_for(file, tx)
    if refusal := _refusal(coverage, diagnosis, policy):
        if diagnosis.refused is None:
            reason, explanation = refusal
            diagnosis.refused = reason
            tx.emit(
                OnsiteNotCovered(
                    case_id=file.id,
                    diagnosis_id=diagnosis_id,
                    reason=reason,
                    explanation=explanation,
                    decided_at=max(coverage.decided_at, diagnosis.diagnosed_at),
                )
            )
        return None
    diagnosis.refused = None
    assert coverage.onsite_since is not None
    assert file.account_id is not None
    opened_at, product = max(coverage.onsite_since, diagnosis.diagnosed_at), coverage.product
    order = WorkOrder(
        id=WorkOrder.id_for(diagnosis_id),
        account_id=file.account_id,
        case_id=file.id,
        diagnosis_id=diagnosis_id,
        number=await tx.next_number("WO"),
        state="open",
        component=diagnosis.component,
        part_number=diagnosis.part_number,
        product_number=product.product_number if product else None,
        serial=product.serial if product else None,
        family=product.family if product else None,
        skills=policy.skills_by_component.get(diagnosis.component, []),
        waiting_for="part_not_promised",
        unusable=[],
        opened_at=opened_at,
        history=[Change(state="open", at=opened_at, by=tx.scope.actor)],
    )
    tx.add(order)
    tx.emit(
        WorkOrderOpened(
            work_order_id=order.id,
            case_id=order.case_id,
            diagnosis_id=order.diagnosis_id,
            number=order.number,
            component=order.component,
            part_number=order.part_number,
            product_number=order.product_number,
            serial=order.serial,
            family=order.family,
            opened_at=order.opened_at,
        )
    )
    return order


def _refusal(coverage: Coverage, diagnosis: Diagnosis, policy: OnsitePolicy) -> tuple[str, str] | None:
    if diagnosis.domain in policy.excluded_domains:
        return (
            "excluded_work",
            f"Onsite work excludes {diagnosis.domain} faults (upgrades, enhancements, configuration).",
        )
    if not coverage.covered:
        return coverage.reason, "The product is not covered, so no technician comes."
    if not coverage.onsite:
        return coverage.onsite_reason or "option_not_bought", "The contract does not bring a technician to this site."
    if coverage.site is None:
        return "location", "No site is known to which a technician could come."
    return None
