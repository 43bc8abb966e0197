"""What rma knows of a case so far. Facts are kept as they came, whatever came first; what to do follows from all of them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.events.cases import CaseCancelled
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import CoverageDecided
from libs.events.onsite import OnsiteNotCovered
from libs.events.values import InstalledPart, Instant, Priority, Severity
from libs.kit.problems import Unprocessable
from libs.store import Entity, Transaction

_BY_PART = ("replace_part", "onsite_replacement")


class CaseClosedToCommands(Unprocessable):
    title = "The case takes no commands any more"


class Visit(BaseModel):
    """How a visit ended, as far as parts and their return are concerned."""

    kind: Literal["completed", "failed", "cancelled"]
    work_order_id: UUID
    at: Instant
    arrived_at: Instant | None = None
    last: bool = True  # no other visit follows
    dead_on_arrival: bool = False
    explanation: str = ""
    rma_ids: list[UUID] = []
    installed: list[InstalledPart] = []
    by: str = "technician"


class Diagnosis(BaseModel):
    """One diagnosis with everything that was said about it since."""

    fault: FaultDiagnosed | None = None
    withdrawn: DiagnosisWithdrawn | None = None
    not_onsite: OnsiteNotCovered | None = None
    visits: list[Visit] = []

    @property
    def calls_for_a_part(self) -> bool:
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

    account_id: UUID | None
    case_number: str | None = None
    product_number: str | None = None
    serial: str | None = None
    severity: Severity | None = None
    priority: Priority | None = None
    severity_at: datetime | None = None
    coverage: CoverageDecided | None = None
    diagnoses: dict[UUID, Diagnosis]
    cancelled: CaseCancelled | None = None

    def diagnosis(self, diagnosis_id: UUID) -> Diagnosis:
        """What is known of this diagnosis; begun when nothing is."""
        return self.diagnoses.setdefault(diagnosis_id, Diagnosis())

    def note_severity(self, severity: Severity, priority: Priority, at: datetime) -> None:
        """The latest word holds."""
        if self.severity_at is None or at > self.severity_at:
            self.severity, self.priority, self.severity_at = severity, priority, at

    def takes_commands(self) -> None:
        """Raises CaseClosedToCommands."""
        if self.cancelled:
            raise CaseClosedToCommands(
                "The case is cancelled; parts under way are delivered and returned, nothing else begins. Open a new case.",
                state="cancelled",
                possible=[],
            )


async def case_file_of(case_id: UUID, tx: Transaction) -> CaseFile:
    """The locked case file; a new one for a case not heard of before."""
    found = await CaseFile.find(case_id, tx, lock=True)
    return found or tx.add(CaseFile(id=case_id, account_id=None, diagnoses={}))
