"""The work order: one visit's worth of work for one diagnosis, however many appointments it takes."""

from dataclasses import field
from datetime import datetime
from typing import Literal, TypedDict
from uuid import UUID

from pydantic import BaseModel

from libs.events.onsite import FailureReason
from libs.events.values import Instant, Product, Window
from libs.kit.problems import Conflict, Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity, UpdatedAt
from libs.store.ids import derived
from services.onsite.model.policy import OnsitePolicy

WorkOrderState = Literal["open", "planned", "in_progress", "completed", "unable_to_complete", "cancelled"]
machine = StateMachine[WorkOrderState](
    "The work order",
    {
        "open": {"planned", "cancelled"},
        "planned": {"open", "in_progress", "cancelled"},
        "in_progress": {"completed", "unable_to_complete", "open"},
    },
    "open",
)
ChosenBy = Literal["customer", "support", "policy"]
Work = Literal["troubleshooting", "test", "software_update", "software_upgrade", "enhancement", "configuration"]
_EXCLUDED: dict[str, str] = {
    "software_upgrade": "software upgrades",
    "enhancement": "product enhancements",
    "configuration": "configuration help",
}


class ExcludedWork(Unprocessable):
    """The contract's onsite option does not include it (S29)."""

    def __init__(self, exclusion: str, possible: str) -> None:
        super().__init__(
            f"Onsite work excludes {exclusion}; {possible}.", exclusion=exclusion, possible=possible, clause="S29"
        )


class VisitExists(Conflict):
    """A visit is booked already; it can be rescheduled."""


class NoVisit(Conflict):
    """No visit is booked: there is nothing to do this with."""


class Change(BaseModel):
    """One change of state: who, when, why."""

    state: str
    at: Instant
    by: str
    reason: str | None = None
    # when it was told, where that was later
    recorded_at: Instant | None = None


class SoftwareApproval(BaseModel):
    """An engineer's word that an update is needed to restore the product (S30)."""

    release: str | None
    reason: str
    by: str
    approved_at: Instant


class Choice(BaseModel):
    """What is known of the time that somebody wants, while no visit is booked: the visit that lost its time, and who had chosen that.

    `another_time`: that one was called off, and another time is asked for.
    """

    appointment_id: UUID
    window: Window
    time_zone: str
    by: ChosenBy
    another_time: bool = False

    def stands(self, now: datetime) -> bool:
        """Whether it still says something: a chosen time has not passed, or another one is asked for."""
        return self.another_time or self.window.starts > now


class WorkOrderIds(TypedDict):
    """What every event of a work order says."""

    work_order_id: UUID
    case_id: UUID
    diagnosis_id: UUID


class WorkOrderFacts(TypedDict):
    """What is to be done, and on which product."""

    number: str
    component: str
    part_number: str | None
    product_number: str | None
    serial: str | None
    family: str | None
    opened_at: datetime


class WorkOrder(
    Entity,
    table="work_orders",
    indexes=(
        "case_id",
        ("opened_at", "id"),
        ("account_id", "opened_at", "id"),
        ("state", "opened_at", "id"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
    unique=("diagnosis_id", "number"),
):
    """Its id is derived from the diagnosis: whatever is told twice opens one."""

    account_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    number: str
    state: WorkOrderState
    component: str
    part_number: str | None
    product_number: str | None
    serial: str | None
    family: str | None
    skills: list[str]
    # the active one
    appointment_id: UUID | None = None
    appointments: int = 0
    failed_visits: int = 0
    waiting_for: str | None = None
    choice: Choice | None = None
    # RMAs whose part a visit failed with
    unusable: list[UUID]
    software_approval: SoftwareApproval | None = None
    opened_at: datetime
    updated_at: UpdatedAt = field(init=False)
    history: list[Change]

    @staticmethod
    def id_for(diagnosis_id: UUID) -> UUID:
        """The same for the same diagnosis."""
        return derived(diagnosis_id, "work_order")

    @property
    def ids(self) -> WorkOrderIds:
        """What every event of this work order says."""
        return {"work_order_id": self.id, "case_id": self.case_id, "diagnosis_id": self.diagnosis_id}

    def concern(self, product: Product | None) -> bool:
        """The case's unit was corrected; whether that is of another family, for which others may be authorised."""
        other = product is not None and product.family != self.family
        if product:
            self.product_number, self.serial, self.family = product.product_number, product.serial, product.family
        return other

    def facts(self) -> WorkOrderFacts:
        """What is to be done, and on which product."""
        return {
            "number": self.number,
            "component": self.component,
            "part_number": self.part_number,
            "product_number": self.product_number,
            "serial": self.serial,
            "family": self.family,
            "opened_at": self.opened_at,
        }

    def next_appointment_id(self) -> UUID:
        """Counts one appointment more, and gives it its id."""
        self.appointments += 1
        return derived(self.id, f"appointment {self.appointments}")

    def become(
        self,
        state: WorkOrderState,
        *,
        at: datetime,
        by: str,
        reason: str | None = None,
        recorded_at: datetime | None = None,
    ) -> None:
        """Goes to a state and puts it on record. Raises ForbiddenTransition."""
        machine.check(self.state, state)
        self.state = state
        self.history.append(Change(state=state, at=at, by=by, reason=reason, recorded_at=recorded_at))

    def must_lead_to(self, state: WorkOrderState) -> None:
        """For a command that leads to this state in the end. Raises ForbiddenTransition."""
        machine.check(self.state, state)

    def must_not_have_ended(self) -> None:
        """Raises ForbiddenTransition."""
        if not machine.possible(self.state):
            machine.check(self.state, "in_progress")

    def fail(
        self, reason: FailureReason, at_fault: list[UUID], policy: OnsitePolicy, *, plans_again: bool | None
    ) -> bool:
        """Counts a failed visit and the RMAs whose parts it failed with; whether another visit follows (S27).

        `plans_again` is what was asked for; None: what the policy has for the reason. After `max_failed_visits` none follows.
        """
        self.failed_visits += 1
        self.unusable = sorted({*self.unusable, *at_fault})
        wanted = reason not in policy.ending_reasons if plans_again is None else plans_again
        return wanted and self.failed_visits < policy.max_failed_visits

    def must_allow(self, work: Work) -> None:
        """Raises ExcludedWork, naming what is excluded (S29); an approved software update is not (S30)."""
        if work in _EXCLUDED:
            raise ExcludedWork(_EXCLUDED[work], "only what restores the product is done at the site")
        if work == "software_update" and self.software_approval is None:
            raise ExcludedWork(
                "software updates",
                "an engineer can approve one that is needed to restore the product, by /approve-software",
            )

    def approve_software(self, approval: SoftwareApproval, *, needed_to_restore: bool) -> None:
        """Raises ExcludedWork for an update that restores nothing, ForbiddenTransition on an ended work order."""
        if not needed_to_restore:
            raise ExcludedWork(
                "software upgrades", "an update is approved only when it is needed to restore the product"
            )
        self.must_not_have_ended()
        self.software_approval = approval
