"""What the tests of rma arrange: a case, its facts, and an RMA that has come so far."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from libs.events.cases import CaseCancelled, CaseOpened, SeverityChanged
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import ContactState, CoverageDecided, SiteState
from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitCompleted, VisitFailed
from libs.events.values import Account, Contact, OpeningHours, Product, Remedy, Site
from libs.store.ids import derived, new_id
from services.rma.tests.network import CAMERA, HCM, UNIT
from tests.support.harness import Harness

ACCOUNT = UUID("0192d000-0000-7000-8000-0000000000a1")
OTHER_ACCOUNT = UUID("0192d000-0000-7000-8000-0000000000a2")
# 10:00 in Ho Chi Minh City.
MONDAY_MORNING = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SITE = Site(
    site_id=UUID("0192d000-0000-7000-8000-0000000000e1"),
    revision=1,
    city="Ho Chi Minh City",
    country="VN",
    time_zone="Asia/Ho_Chi_Minh",
    opening_hours=[OpeningHours(weekdays=[0, 1, 2, 3, 4], opens="08:00", closes="17:30")],
)


CONTACT = UUID("0192d000-0000-7000-8000-0000000000c1")
LAN = ContactState(account_id=ACCOUNT, name="Lan", phone="+84 28 0000 0000", language="vi", authorised=True)
HEAD_OFFICE = SiteState(account_id=ACCOUNT, name="Head office", address_lines=["1 Lê Lợi"])

BRANCH = SiteState(account_id=ACCOUNT, name="Branch", address_lines=["2 Nguyễn Huệ"])


async def made(rma: Harness, path: str, body: dict[str, Any], **how: Any) -> dict[str, Any]:
    """Posts, and expects it to be taken."""
    answer = await rma.post(path, body, **how)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def goods_in(rma: Harness, quantity: int, part_number: str = CAMERA, depot_id: UUID = HCM) -> dict[str, Any]:
    body = {"depot_id": str(depot_id), "part_number": part_number, "quantity": quantity}
    return await made(rma, "/v1/stock/goods-in", body, role="depot")


class Case:
    """A case's facts as other services tell them, all at fixed ids and instants."""

    def __init__(
        self, name: str = "case", *, at: datetime | None = None, account_id: UUID = ACCOUNT, serial: str = "SN-1"
    ) -> None:
        self.id, self.diagnosis_id = derived(ACCOUNT, name), derived(ACCOUNT, f"{name} diagnosis")
        self.work_order_id, self.rma_id = derived(ACCOUNT, f"{name} work order"), derived(self.diagnosis_id, "rma")
        self.at, self.account_id, self.serial = at or datetime.now(UTC), account_id, serial

    def opened(self) -> CaseOpened:
        return CaseOpened(
            case_id=self.id,
            number="CASE-2026-000001",
            account_id=self.account_id,
            channel="portal",
            description="no picture",
            observed_impact="down",
            severity="critical",
            priority="P1",
            product_number=UNIT,
            serial=self.serial,
            language="vi",
            opened_at=self.at,
            by="customer:1",
            by_role="customer",
        )

    def diagnosed(self, remedy: Remedy = "replace_part", **how: Any) -> FaultDiagnosed:
        said = {
            "case_id": self.id,
            "diagnosis_id": self.diagnosis_id,
            "component": "camera",
            "fault_code": "CAM-01",
            "domain": "hardware",
            "remedy": remedy,
            "part_number": CAMERA,
            "findings": "The sensor is dead.",
            "confidence": "high",
            "diagnosed_by": "engineer:1",
            "diagnosed_at": self.at,
        }
        return FaultDiagnosed.model_validate(said | how)

    def covered(
        self, *, covered: bool = True, revision: int = 1, site: Site | None = SITE, **how: Any
    ) -> CoverageDecided:
        said = {
            "case_id": self.id,
            "account_id": self.account_id,
            "revision": revision,
            "covered": covered,
            "reason": "active_contract" if covered else "contract_expired",
            "plan": "plus",
            "onsite": True,
            "account": Account(id=self.account_id, name="Công ty Sông Hương"),
            "site": site,
            "contact": Contact(contact_id=CONTACT, revision=1, language="vi"),
            "product": Product(product_number=UNIT, serial=self.serial, family="studio", model="Studio X70"),
            "decided_at": self.at,
        }
        return CoverageDecided.model_validate(said | how)

    def withdrawn(self) -> DiagnosisWithdrawn:
        return DiagnosisWithdrawn(
            case_id=self.id,
            diagnosis_id=self.diagnosis_id,
            reason="it was the cable",
            by="engineer:1",
            withdrawn_at=self.at,
        )

    def cancelled(self) -> CaseCancelled:
        return CaseCancelled(
            case_id=self.id, reason="no longer needed", by="customer:1", by_role="customer", cancelled_at=self.at
        )

    def severity(self, severity: str, at: datetime) -> SeverityChanged:
        priority = {"critical": "P1", "major": "P2", "moderate": "P3", "minor": "P4"}[severity]
        return SeverityChanged.model_validate(
            {
                "case_id": self.id,
                "old_severity": "critical",
                "severity": severity,
                "old_priority": "P1",
                "priority": priority,
                "customer_severity": "critical",
                "reason": "seen again",
                "by": "engineer:1",
                "by_role": "engineer",
                "changed_at": at,
            }
        )

    def not_onsite(self) -> OnsiteNotCovered:
        return OnsiteNotCovered(
            case_id=self.id,
            diagnosis_id=self.diagnosis_id,
            reason="location",
            explanation="too far",
            decided_at=self.at,
        )

    def visit_completed(self, at: datetime, **how: Any) -> VisitCompleted:
        said = {
            "work_order_id": self.work_order_id,
            "appointment_id": new_id(),
            "case_id": self.id,
            "diagnosis_id": self.diagnosis_id,
            "technician_id": new_id(),
            "serials_in": ["NEW-1"],
            "serials_out": ["OLD-1"],
            "signed_off_by": new_id(),
            "verified_by": new_id(),
            "arrived_at": at,
            "completed_at": at,
        }
        return VisitCompleted.model_validate(said | how)

    def visit_failed(self, at: datetime, reason: str, **how: Any) -> VisitFailed:
        said = {
            "work_order_id": self.work_order_id,
            "appointment_id": new_id(),
            "case_id": self.id,
            "diagnosis_id": self.diagnosis_id,
            "technician_id": new_id(),
            "reason": reason,
            "explanation": "it stays dark",
            "by": "technician:1",
            "failed_at": at,
        }
        return VisitFailed.model_validate(said | how)

    def visit_cancelled(self, at: datetime) -> VisitCancelled:
        return VisitCancelled(
            work_order_id=self.work_order_id,
            case_id=self.id,
            diagnosis_id=self.diagnosis_id,
            reason="not needed",
            by="engineer:1",
            cancelled_at=at,
        )


async def seen(rma: Harness, rma_id: UUID, **how: Any) -> dict[str, Any]:
    """The RMA as a user reads it."""
    answer = await rma.get(f"/v1/rmas/{rma_id}", **how)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def reserved(rma: Harness, case: Case, *, remedy: Remedy = "replace_part", **how: Any) -> UUID:
    """An RMA with a part kept for it."""
    await rma.deliver(case.opened(), case.covered(), case.diagnosed(remedy, **how))
    assert (await seen(rma, case.rma_id))["state"] == "reserved"
    return case.rma_id


async def shipped(rma: Harness, case: Case, *, serial: str = "NEW-1", **how: Any) -> UUID:
    """An RMA whose part left with a label of the depot's own."""
    rma_id = await reserved(rma, case, **how)
    body = {"serial": serial, "carrier": "depot van", "tracking": f"VAN-{rma_id}"}
    assert (await made(rma, f"/v1/rmas/{rma_id}/ship", body, role="depot"))["state"] == "shipped"
    return rma_id


async def delivered(rma: Harness, case: Case, **how: Any) -> UUID:
    rma_id = await shipped(rma, case, **how)
    assert (await made(rma, f"/v1/rmas/{rma_id}/deliver", {"received_by": "Lan"}, role="depot"))["state"] == "delivered"
    return rma_id


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status, and what was refused: the field that does not fit, or else the kind of problem."""
    problem = answer.json()
    if (errors := problem.get("errors")) and "pointer" in errors[0]:
        return answer.status_code, errors[0]["pointer"]
    return answer.status_code, re.split("[:/]", problem["type"])[-1]
