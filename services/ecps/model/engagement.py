"""Our work with one partner on one diagnosis: from the customer's wish to the end of the partner's ticket."""

from datetime import datetime
from typing import Annotated, Literal, TypedDict
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.ecps import NotOpenable
from libs.events.values import Instant, Language
from libs.kit.problems import Conflict
from libs.kit.states import StateMachine
from libs.store import Entity, Transaction
from libs.store.ids import derived
from services.ecps.model.partner import ConnectorKind

EngagementState = Literal[
    "requested", "not_openable", "eligible", "submitting", "outcome_unknown", "opened", "in_progress",
    "information_required", "resolved", "closed", "withdrawn",
]  # fmt: skip
machine: StateMachine[EngagementState] = StateMachine(
    "The engagement",
    {
        "requested": {"eligible", "not_openable", "withdrawn"},
        "not_openable": {"requested", "withdrawn"},
        "eligible": {"submitting", "withdrawn"},
        "submitting": {"opened", "not_openable", "outcome_unknown", "withdrawn"},
        "outcome_unknown": {"opened", "submitting", "withdrawn"},  # reconciled: there is a ticket, or there is none
        "opened": {"in_progress", "information_required", "resolved", "closed", "withdrawn"},
        "in_progress": {"information_required", "resolved", "closed", "withdrawn"},
        "information_required": {"in_progress", "resolved", "closed", "withdrawn"},
        "resolved": {"closed", "in_progress", "withdrawn"},  # in progress: it was not the solution after all
    },
    initial="requested",
)
UNSUBMITTED: frozenset[EngagementState] = frozenset({"requested", "not_openable", "eligible"})
AT_PARTNER: frozenset[EngagementState] = frozenset({"opened", "in_progress", "information_required"})
THEIR_TURN: frozenset[EngagementState] = frozenset({"opened", "in_progress"})
ENDED: frozenset[EngagementState] = frozenset({"closed", "withdrawn"})


class Step(BaseModel):
    """A change of state: who, when, why."""

    state: EngagementState
    at: Instant
    by: str
    reason: str


class EngagementIds(TypedDict):
    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID


class NoTicket(Conflict):
    """There is nothing at the partner yet that could be told."""


class TicketTaken(Conflict):
    """A partner's ticket stands for one engagement."""


class Engagement(
    Entity,
    table="engagements",
    indexes=(
        "case_id",
        ("created_at", "id"),
        ("account_id", "created_at", "id"),
        ("partner_id", "created_at", "id"),
        ("state", "created_at", "id"),
        ("partner_id", "state", "created_at", "id"),
        "ticket_number",
    ),
    unique=("diagnosis_id", "number", "our_reference", ("partner_id", "ticket_number")),
):
    """`id` comes from the diagnosis, so that a fact told twice meets the same engagement."""

    account_id: UUID
    number: str
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    partner_name: str
    language: Language  # the customer's
    state: EngagementState = "requested"
    reason: NotOpenable | None = None
    explanation: str | None = None
    connector: ConnectorKind | None = None
    our_reference: str
    ticket_number: str | None = None
    ticket_url: str | None = None
    agreement_reference: str | None = None
    partner_state: str | None = None  # as they call it
    looks: Annotated[int, sa.DefaultClause("0")] = 0  # that found no ticket, since the outcome became unknown
    sequence: int = -1  # of the newest notice whose state was taken over
    asked_at: datetime  # by the customer
    opened_at: datetime | None = None
    response_seconds: int | None = None  # ours
    first_heard_at: datetime | None = None
    last_heard_at: datetime | None = None
    partner_response_seconds: int | None = None
    partner_resolution_seconds: int | None = None
    partner_response_due: datetime | None = None
    level: int = 0  # of the partner's procedure that was called last
    resolution: str | None = None
    findings_shared: int = 0
    history: list[Step]
    created_at: datetime

    @staticmethod
    def id_for(diagnosis_id: UUID) -> UUID:
        return derived(diagnosis_id, "partner-engagement")

    @property
    def ids(self) -> EngagementIds:
        """What every event of this engagement says."""
        return {
            "engagement_id": self.id, "case_id": self.case_id, "diagnosis_id": self.diagnosis_id,
            "partner_id": self.partner_id,
        }  # fmt: skip

    def to(self, state: EngagementState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Goes on. Raises ForbiddenTransition."""
        machine.check(self.state, state)
        self.state = state
        self.record(tx, reason, at=at)

    def record(self, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Writes down what happened, in the state that it is in."""
        self.history = [*self.history, Step(state=self.state, at=at or tx.now, by=tx.scope.actor, reason=reason)]

    def with_partner(self) -> str:
        """The ticket's number. Raises NoTicket where there is none that is worked on."""
        if self.ticket_number is None or self.state in ENDED:
            raise NoTicket(
                f"The engagement is {self.state}: there is no open ticket with the partner.",
                state=self.state,
                possible=machine.possible(self.state),
            )
        return self.ticket_number

    def heard(self, at: datetime) -> None:
        """The partner said something: the first time is what their response is measured by."""
        if self.opened_at and (self.first_heard_at is None or at < self.first_heard_at):
            self.first_heard_at = at
            self.partner_response_seconds = max(0, int((at - self.opened_at).total_seconds()))
        if self.last_heard_at is None or at > self.last_heard_at:
            self.last_heard_at = at
        self.level = 0
