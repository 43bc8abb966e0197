"""What rma knows of a case so far. Facts are kept as they came, whatever came first; what to do follows from all of them."""

from dataclasses import field
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel

from libs.events.cases import CaseCancelled
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import CoverageDecided
from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitCompleted, VisitFailed
from libs.events.values import InstalledPart, Instant, Priority, Severity
from libs.kit.case_files import CaseClosedToCommands
from libs.store import Entity

_BY_PART = ("replace_part", "onsite_replacement")


class Visit(BaseModel):
    """How a visit ended, as far as parts and their return are concerned. `last`: no other visit follows. `installer`: the actor."""

    kind: Literal["completed", "failed", "cancelled"]
    work_order_id: UUID
    at: Instant
    arrived_at: Instant | None = None
    last: bool = True
    dead_on_arrival: bool = False
    explanation: str = ""
    rma_ids: list[UUID] = []
    installed: list[InstalledPart] = []
    installer: str | None = None

    @classmethod
    def of(cls, event: VisitCompleted | VisitFailed | VisitCancelled) -> Self:
        """What onsite tells of the end of a visit."""
        match event:
            case VisitCompleted():
                return cls(
                    kind="completed",
                    work_order_id=event.work_order_id,
                    at=event.completed_at,
                    arrived_at=event.arrived_at,
                    installed=event.installed or _paired(event.serials_in, event.serials_out),
                    installer=f"technician:{event.person_id or event.technician_id}",
                )
            case VisitFailed():
                return cls(
                    kind="failed",
                    work_order_id=event.work_order_id,
                    at=event.failed_at,
                    last=not event.plans_again,
                    dead_on_arrival=event.reason == "part_dead_on_arrival",
                    explanation=event.explanation,
                    rma_ids=event.rma_ids,
                )
            case VisitCancelled():
                return cls(kind="cancelled", work_order_id=event.work_order_id, at=event.cancelled_at)

    def scanned(self, rma_id: UUID) -> InstalledPart:
        """The serials that were scanned for this RMA: those that name it, else the first that name none."""
        of_this = [part for part in self.installed if part.rma_id == rma_id]
        unnamed = [part for part in self.installed if part.rma_id is None]
        return next(iter(of_this or unnamed), InstalledPart())


def _paired(serials_in: list[str], serials_out: list[str]) -> list[InstalledPart]:
    """Of several serials nobody can say which belongs to which."""
    if len(serials_in) > 1 or len(serials_out) > 1:
        return []
    return [InstalledPart(serial_in=next(iter(serials_in), None), serial_out=next(iter(serials_out), None))]


class Diagnosis(BaseModel):
    """One diagnosis with everything that was said about it since."""

    fault: FaultDiagnosed | None = None
    withdrawn: DiagnosisWithdrawn | None = None
    not_onsite: OnsiteNotCovered | None = None
    visits: list[Visit] = []

    @property
    def calls_for_a_part(self) -> bool:
        """Whether the remedy is to send a part."""
        return self.fault is not None and self.fault.remedy in _BY_PART

    @property
    def technician_comes(self) -> bool:
        """Whether a visit is meant to install the part, or has ended."""
        if self.fault is None or self.fault.remedy != "onsite_replacement" or self.not_onsite:
            return False
        return not (self.visits and self.visits[-1].kind == "cancelled")

    @property
    def visits_over_at(self) -> datetime | None:
        """When the last visit ended; None while one is still to come."""
        return self.visits[-1].at if self.visits and self.visits[-1].last else None

    def add(self, visit: Visit) -> None:
        """Keeps the visits in the order in which they ended."""
        self.visits = sorted([*self.visits, visit], key=lambda each: each.at)


class CaseFile(Entity, table="case_files"):
    """`id` is the case's."""

    account_id: UUID | None = None
    case_number: str | None = None
    product_number: str | None = None
    serial: str | None = None
    severity: Severity | None = None
    priority: Priority | None = None
    severity_at: datetime | None = None
    coverage: CoverageDecided | None = None
    diagnoses: dict[UUID, Diagnosis] = field(default_factory=dict)
    cancelled: CaseCancelled | None = None

    @property
    def faults(self) -> list[FaultDiagnosed]:
        """The diagnosed faults that call for a part."""
        return [each.fault for each in self.diagnoses.values() if each.fault and each.calls_for_a_part]

    def diagnosis(self, diagnosis_id: UUID) -> Diagnosis:
        """What is known of this diagnosis; begun when nothing is."""
        return self.diagnoses.setdefault(diagnosis_id, Diagnosis())

    def note_severity(self, severity: Severity, priority: Priority, at: datetime) -> None:
        """The latest word holds."""
        if self.severity_at is None or at > self.severity_at:
            self.severity, self.priority, self.severity_at = severity, priority, at

    def must_take_commands(self) -> None:
        """Raises CaseClosedToCommands."""
        if self.cancelled:
            raise CaseClosedToCommands("cancelled")
