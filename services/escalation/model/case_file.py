"""What this service knows of a case, kept from whatever came first; everything else follows from the facts."""

from dataclasses import field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.values import Language, Priority, Severity
from libs.kit.case_files import CaseClosedToCommands
from libs.kit.problems import Conflict
from libs.store import Entity
from services.escalation.model.facts import CaseState, Epoch, Fact, case_state, epochs, in_order, severity_at
from services.escalation.model.place import Place

THRESHOLD = "threshold"
"""The timer of a threshold; what follows the colon is its key."""
RECOMPUTE = "recompute"
"""The timer that looks anew at what is due, after a change of policy."""
GO_ON = "go_on"
"""The timer of a case of which only a duplicate is known yet; what follows the colon is the duplicate's escalation."""
IDLE = "idle"
"""The timer of a case on which whoever has it has not acted."""
LAPSE = "lapse"
"""The timer of a proposal of which nothing is heard."""


class CaseNotWorked(Conflict):
    """The case is resolved: there is nothing to escalate before it is reopened."""


class Assignee(BaseModel):
    """Whom the case was given to last, and since when; of an older fact nobody may be known by id."""

    person_id: UUID | None
    since: datetime


class Proposed(BaseModel):
    """The proposal that is on its way; `counted_from` of one that takes the case back, which is not proposed again for the same time."""

    id: UUID
    person_id: UUID | None = None
    counted_from: datetime | None = None


class KnownDiagnosis(BaseModel):
    """What a diagnosis says of the skills that are needed; withdrawn ones are kept, since either half may come first."""

    domain: str | None = None
    partner_id: UUID | None = None
    withdrawn: bool = False


def keep_requests(told: list[Fact], before: list[Fact]) -> list[Fact]:
    """Keeps the customers' requests for an escalation: they were made here, and no other service's log has them."""
    return in_order([*told, *(fact for fact in before if fact.kind == "customer_request")])


class CaseFile(Entity, table="case_files", indexes=("account_id", "state", ("queue", "state"))):
    """`id` is the case's. `timers` are the thresholds that are armed, `breached` those that have fired, by epoch and key.
    `region` is the country of `place`. `waiting`: for the customer or others. `idle_at`: when it is taken back, `passed_over` from whom it was."""

    account_id: UUID | None = None
    state: CaseState = "unknown"
    opened_at: datetime | None = None
    epoch: int = 0
    severity: Severity | None = None
    priority: Priority | None = None
    coverage_revision: int = 0
    plan: str | None = None
    region: str | None = None
    place: Place | None = None
    family: str | None = None
    assignee: Assignee | None = None
    diagnoses: dict[str, KnownDiagnosis] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    timers: dict[str, datetime] = field(default_factory=dict)
    breached: list[str] = field(default_factory=list)
    queue: str | None = None
    queued_at: datetime | None = None
    language: Language | None = None
    waiting: Annotated[bool, sa.DefaultClause("false")] = False
    proposed: Proposed | None = None
    idle_at: datetime | None = None
    passed_over: Annotated[list[UUID], sa.DefaultClause("[]")] = field(default_factory=list)

    def record(self, *facts: Fact) -> None:
        """Puts the facts on record, each once, and draws what follows of the case itself."""
        known = {(fact.id, fact.kind) for fact in self.facts}
        self.facts = in_order([*self.facts, *(fact for fact in facts if (fact.id, fact.kind) not in known)])
        found = self.epochs()
        self.state = case_state(self.facts)
        ended = {fact.wait_id for fact in self.facts if fact.kind == "wait_ended"}
        self.waiting = any(fact.kind == "wait_began" and fact.wait_id not in ended for fact in self.facts)
        if found:
            self.opened_at, self.epoch = found[0].start, found[-1].number
            self.severity, self.priority = severity_at(self.facts, None)

    def epochs(self) -> list[Epoch]:
        """The case's epochs in order; none before its opening is known."""
        return epochs(self.facts)

    def assign(self, assignee: Assignee) -> None:
        """The latest assignment is kept."""
        if self.assignee is None or assignee.since >= self.assignee.since:
            self.assignee = assignee

    def stand_in(self, queue: str, since: datetime) -> None:
        """The latest queue is kept."""
        if self.queued_at is None or since >= self.queued_at:
            self.queue, self.queued_at = queue, since

    @property
    def holder(self) -> UUID | None:
        """Who has it."""
        return self.assignee.person_id if self.assignee else None

    @property
    def carried(self) -> tuple[object, ...]:
        """What somebody's load follows from."""
        return self.holder, self.state, self.waiting, self.priority

    @property
    def waits_for_somebody(self) -> bool:
        """Whether it is to be given to somebody: nobody has it or is about to, and there is something to do for it."""
        return self.state == "open" and not self.waiting and self.holder is None and self.proposed is None

    def cover(self, *, revision: int, plan: str | None, place: Place | None, family: str | None) -> None:
        """The highest revision is kept."""
        if revision > self.coverage_revision:
            self.coverage_revision, self.plan, self.place, self.family = revision, plan, place, family
            self.region = place.country if place else None

    def note_diagnosis(self, diagnosis_id: UUID, **known: Any) -> None:
        """Keeps what is known of a diagnosis; `known` are fields of KnownDiagnosis."""
        before = self.diagnoses.get(str(diagnosis_id), KnownDiagnosis())
        self.diagnoses = {**self.diagnoses, str(diagnosis_id): before.model_copy(update=known)}

    @property
    def standing(self) -> list[KnownDiagnosis]:
        """The diagnoses that have not been withdrawn."""
        return [each for each in self.diagnoses.values() if each.domain and not each.withdrawn]

    @property
    def last_progress(self) -> datetime | None:
        """When somebody last moved the case along."""
        return max((fact.at for fact in self.facts if fact.is_progress), default=None)

    @property
    def is_worked(self) -> bool:
        """Whether the case can be escalated: it is open, or its cancellation is being assessed."""
        return self.state in ("open", "assessing")

    def must_take_commands(self) -> None:
        """Raises CaseClosedToCommands for a closed, cancelled or assessing case."""
        if self.state in ("closed", "cancelled", "assessing"):
            raise CaseClosedToCommands(self.state)

    def must_be_worked(self) -> None:
        """Raises CaseClosedToCommands, or CaseNotWorked for a resolved case."""
        self.must_take_commands()
        if self.state == "resolved":
            raise CaseNotWorked(
                "The case is resolved; reopen it, then it can be escalated.", state=self.state, possible=["reopen"]
            )


whose = sa.Column(
    "whose",
    sa.Text(),
    sa.Computed("coalesce(assignee ->> 'person_id', proposed ->> 'person_id')", persisted=True),
)
"""Whose a case is, or is about to be. A column of what the row says: no index on JSON is used under row-level security."""
CaseFile.table.append_column(whose)
sa.Index("case_files_whose_state_idx", whose, CaseFile.c.state)
