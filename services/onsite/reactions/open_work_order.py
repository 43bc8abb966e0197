"""Whether a technician comes for a diagnosis, once that can be known."""

from uuid import UUID

from libs.events.onsite import OnsiteNotCovered, WorkOrderOpened
from libs.store import Transaction
from services.onsite.model.availability import policy_for
from services.onsite.model.case_file import CaseFile
from services.onsite.model.refusal import refusal
from services.onsite.model.work_order import Change, WorkOrder


async def open_or_refuse(case: CaseFile, diagnosis_id: UUID, tx: Transaction) -> WorkOrder | None:
    """A work order once coverage is known and includes a technician (S26); else, once, that none comes (S28, S29)."""
    coverage, diagnosis = case.coverage, case.diagnoses[diagnosis_id]
    if coverage is None or case.stop(diagnosis_id) is not None:
        return None
    if await refuse(case, diagnosis_id, tx):
        return None
    policy = await policy_for(case, tx)
    assert coverage.onsite_since is not None
    assert case.account_id is not None
    opened_at, product = max(coverage.onsite_since, diagnosis.diagnosed_at), coverage.product
    order = tx.add(
        WorkOrder(
            id=WorkOrder.id_for(diagnosis_id),
            account_id=case.account_id,
            case_id=case.id,
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
    )
    tx.emit(WorkOrderOpened(**order.ids, **order.facts()))
    return order


async def refuse(case: CaseFile, diagnosis_id: UUID, tx: Transaction) -> bool:
    """Whether none comes for it; told once (S28, S29)."""
    coverage, diagnosis = case.coverage, case.diagnoses[diagnosis_id]
    assert coverage is not None
    refused = refusal(coverage, diagnosis, await policy_for(case, tx))
    if refused and diagnosis.refused is None:
        tx.emit(
            OnsiteNotCovered(
                case_id=case.id,
                diagnosis_id=diagnosis_id,
                reason=refused.reason,
                explanation=refused.explanation,
                decided_at=max(coverage.decided_at, diagnosis.diagnosed_at),
            )
        )
    # The first reason stays, as it was told.
    diagnosis.refused = (diagnosis.refused or refused.reason) if refused else None
    return refused is not None
