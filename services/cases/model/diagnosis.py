"""A diagnosis: what is wrong and what cures it. It stands until withdrawn, beside others."""

from datetime import datetime
from uuid import UUID

from libs.events.cases_work import FaultDiagnosed
from libs.events.values import Confidence, Domain, Remedy
from libs.kit.problems import Conflict
from libs.store import Entity


class DiagnosisWithdrawnAlready(Conflict):
    """A diagnosis is withdrawn once."""


class Diagnosis(Entity, table="diagnoses", indexes=("case_id",)):
    account_id: UUID
    case_id: UUID
    component: str
    fault_code: str
    domain: Domain
    remedy: Remedy
    part_number: str | None = None
    whole_unit: bool
    partner_id: UUID | None = None
    findings: str
    confidence: Confidence
    diagnosed_by: str
    diagnosed_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_because: str | None = None

    @property
    def stands(self) -> bool:
        return self.withdrawn_at is None

    def withdraw(self, reason: str, by: str, at: datetime) -> None:
        if not self.stands:
            raise DiagnosisWithdrawnAlready(
                "This diagnosis was withdrawn before; make a new one.", state="withdrawn", possible=[]
            )
        self.withdrawn_at, self.withdrawn_by, self.withdrawn_because = at, by, reason

    def fact(self) -> FaultDiagnosed:
        return FaultDiagnosed(
            case_id=self.case_id, diagnosis_id=self.id, component=self.component, fault_code=self.fault_code,
            domain=self.domain, remedy=self.remedy, part_number=self.part_number, whole_unit=self.whole_unit,
            partner_id=self.partner_id, findings=self.findings, confidence=self.confidence,
            diagnosed_by=self.diagnosed_by, diagnosed_at=self.diagnosed_at,
        )  # fmt: skip
