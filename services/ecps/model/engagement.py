"""Our work with one partner on one diagnosis: from the customer's wish to the end of the partner's ticket."""

from dataclasses import field
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Literal, TypedDict
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.ecps import NotOpenable
from libs.events.values import Instant, Language
from libs.kit.problems import Conflict
from libs.kit.states import ForbiddenTransition, StateMachine
from libs.store import Entity, Transaction, UpdatedAt
from libs.store.ids import derived
from services.ecps.model.newest import Newest
from services.ecps.model.partner import ConnectorKind

EngagementState = Literal[
    "requested",
    "not_openable",
    "eligible",
    "submitting",
    "outcome_unknown",
    "opened",
    "in_progress",
    "information_required",
    "resolved",
    "closed",
    "withdrawn",
]
machine: StateMachine[EngagementState] = StateMachine(
    "The engagement",
    {
        "requested": {"eligible", "not_openable", "withdrawn"},
        # Again, when an agreement, a consent or a permission has arrived.
        "not_openable": {"requested", "withdrawn"},
        "eligible": {"submitting", "not_openable", "withdrawn"},
        "submitting": {"opened", "not_openable", "outcome_unknown", "withdrawn"},
        # Looked up: there is a ticket, or there is none.
        "outcome_unknown": {"opened", "submitting", "withdrawn"},
        # Submitting again: the ticket has gone from their side.
        "opened": {"in_progress", "resolved", "closed", "submitting", "withdrawn"},
        "in_progress": {"information_required", "resolved", "closed", "submitting", "withdrawn"},
        "information_required": {"in_progress", "resolved", "closed", "submitting", "withdrawn"},
        # In progress again: the partner has reopened it.
        "resolved": {"closed", "in_progress", "withdrawn"},
        "closed": {"in_progress"},
        # Again, when consent was withdrawn and is given once more.
        "withdrawn": {"requested"},
    },
    initial="requested",
)
UNSUBMITTED: frozenset[EngagementState] = frozenset({"requested", "not_openable", "eligible"})
THEIR_TURN: frozenset[EngagementState] = frozenset({"opened", "in_progress"})
WORKED_ON: frozenset[EngagementState] = frozenset({"opened", "in_progress", "information_required"})
OVER_THERE: frozenset[EngagementState] = frozenset({"resolved", "closed"})
ENDED: frozenset[EngagementState] = frozenset({"closed", "withdrawn"})

SILENT, LOOK_AGAIN, RETRY = "silent", "reconcile", "retry"
"""Its timers: the partner's time for an answer, the next look for a ticket, the next try of a partner out of reach."""
CHECK = "check"
"""The timer after which it is looked whether the partner has the ticket that it gave a number of."""
OPEN_TICKET, LOOK_UP, CHECK_TICKET, END_TICKET = "open_ticket", "look_up", "check_ticket", "end_ticket"
"""Its calls of the partner's system."""


class EngagementChange(BaseModel):
    """One entry of an engagement's history: what happened, in which state, when, by whom and why."""

    state: EngagementState
    at: Instant
    by: str
    reason: str


class HeldCall(BaseModel):
    """What a call takes along that waits for our credentials to be mended."""

    known: str | None = None
    doubtful: bool = False
    our_reference: str | None = None
    ticket_number: str | None = None
    status: str | None = None
    reason: str | None = None


class EngagementIds(TypedDict):
    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID


class EngagementFacts(EngagementIds):
    partner_name: str


class TicketFacts(EngagementFacts):
    ticket_number: str


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
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
        ("partner_id", "updated_at", "id"),
    ),
    unique=("diagnosis_id", "number", "our_reference", ("partner_id", "ticket_number")),
):
    """`id` is derived from the diagnosis, so that a fact told twice meets the same engagement.

    `language` is the customer's. `partner_state` is as the partner calls it. `looks` counts those that found no ticket since the
    outcome became unknown, or since the ticket is missed. `states_told` and `statuses_told` are the newest of what the partner told, in our words and in theirs;
    `sequence`, the highest of a notice that told a state, is for code of the release before. `asked_at`: by the customer.
    `response_seconds` are ours, the partner's are counted from the ticket's opening. `level` is that of the partner's procedure
    which was called last, 0 for none. `missed_since`: the first look that did not find its ticket.
    `held`: the calls that wait for our credentials to be mended, by kind.
    """

    account_id: UUID
    number: str
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    partner_name: str
    language: Language
    state: EngagementState = "requested"
    reason: NotOpenable | None = None
    explanation: str | None = None
    connector: ConnectorKind | None = None
    our_reference: str
    ticket_number: str | None = None
    ticket_url: str | None = None
    agreement_reference: str | None = None
    partner_state: str | None = None
    looks: Annotated[int, sa.DefaultClause("0")] = 0
    sequence: int = -1
    states_told: Annotated[Newest, sa.DefaultClause("{}")] = field(default_factory=Newest)
    statuses_told: Annotated[Newest, sa.DefaultClause("{}")] = field(default_factory=Newest)
    asked_at: datetime
    opened_at: datetime | None = None
    response_seconds: int | None = None
    first_heard_at: datetime | None = None
    last_heard_at: datetime | None = None
    partner_response_seconds: int | None = None
    partner_resolution_seconds: int | None = None
    partner_response_due: datetime | None = None
    level: int = 0
    resolution: str | None = None
    findings_shared: int = 0
    held: dict[str, HeldCall] | None = None
    missed_since: datetime | None = None
    history: list[EngagementChange]
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)

    @staticmethod
    def id_for(diagnosis_id: UUID) -> UUID:
        """The id of the one engagement that a diagnosis can have."""
        return derived(diagnosis_id, "partner-engagement")

    @property
    def ids(self) -> EngagementIds:
        """What every event of this engagement says."""
        return {
            "engagement_id": self.id,
            "case_id": self.case_id,
            "diagnosis_id": self.diagnosis_id,
            "partner_id": self.partner_id,
        }

    def facts(self) -> EngagementFacts:
        """What nearly every event of this engagement says: its ids, and the partner's name."""
        return {**self.ids, "partner_name": self.partner_name}

    def ticket_facts(self) -> TicketFacts:
        """The same with the ticket's number. Raises NoTicket."""
        return {**self.facts(), "ticket_number": self.must_have_ticket()}

    @property
    def in_state_since(self) -> datetime:
        """When it came to the state that it is in; a remark in the history does not count."""
        turns = [later.at for earlier, later in pairwise(self.history) if earlier.state != later.state]
        return turns[-1] if turns else self.history[0].at

    def become(self, state: EngagementState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Goes to `state` and writes down why; `at` is now unless told. Raises ForbiddenTransition."""
        machine.check(self.state, state)
        self.state = state
        self.record(tx, reason, at=at)

    def record(self, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Writes down what happened, in the state that it is in."""
        change = EngagementChange(state=self.state, at=at or tx.now, by=tx.scope.actor, reason=reason)
        self.history = [*self.history, change]

    def must_have_ticket(self) -> str:
        """The ticket's number. Raises NoTicket where the partner has none."""
        if self.ticket_number is None:
            raise self._no_ticket("there is no ticket with the partner")
        return self.ticket_number

    def must_have_open_ticket(self) -> str:
        """The number of a ticket that is worked on. Raises NoTicket."""
        if self.ticket_number is None or self.state in ENDED:
            raise self._no_ticket("there is no open ticket with the partner")
        return self.ticket_number

    @property
    def withdrawn_for_consent(self) -> bool:
        """Whether it goes on when the customer consents again."""
        return self.state == "withdrawn" and self.reason == "no_consent"

    @property
    def may_have_a_ticket(self) -> bool:
        """Whether it was withdrawn while nobody knew if the partner had made one."""
        if self.state != "withdrawn" or self.ticket_number is not None:
            return False
        before = [change.state for change in self.history if change.state != "withdrawn"]
        return before[-1:] in (["submitting"], ["outcome_unknown"])

    @property
    def submissions(self) -> int:
        """How often it was submitted: what a call of an earlier time wanted is wanted no more."""
        return sum(change.state == "submitting" for change in self.history)

    def begin_anew(self, *, asked_at: datetime) -> None:
        """Another ticket is wanted than the one that was ended over there. It gets a reference of its own, or the old one would be found.

        Without a number there may be a ticket still, which is found by the reference that it has.
        """
        if self.ticket_number is not None:
            self.our_reference = f"{self.number}-{self.id.hex[:8]}-{self.submissions + 1}"
        self.asked_at = asked_at
        self.forget_ticket()

    def forget_ticket(self) -> None:
        """What was known of it is of none that there is."""
        self.looks, self.missed_since = 0, None
        self.ticket_number = self.ticket_url = self.partner_state = None
        self.states_told, self.statuses_told, self.sequence, self.level = Newest(), Newest(), -1, 0
        self.opened_at = self.first_heard_at = self.last_heard_at = None
        self.response_seconds = self.partner_response_seconds = None
        self.forget_resolution()

    def must_await_outcome(self) -> None:
        """Raises ForbiddenTransition unless nobody knows whether there is a ticket."""
        if self.state != "outcome_unknown":
            raise ForbiddenTransition(machine.name, self.state, "submitting again", [*machine.possible(self.state)])

    def is_meant_by(self, our_reference: str | None, ticket_number: str | None) -> bool:
        """Whether a notice is about this engagement: it carries our ticket's number, and nothing that contradicts it.

        Before we have a number, it has to carry our reference as well.
        """
        if our_reference not in (None, self.our_reference) or not ticket_number:
            return False
        if self.ticket_number is None:
            return our_reference == self.our_reference
        return ticket_number == self.ticket_number

    def heard(self, at: datetime) -> None:
        """The partner said something: the first time is what their response is measured by."""
        if self.opened_at and (self.first_heard_at is None or at < self.first_heard_at):
            self.first_heard_at = at
            self.partner_response_seconds = max(0, int((at - self.opened_at).total_seconds()))
        if self.last_heard_at is None or at > self.last_heard_at:
            self.last_heard_at = at
        self.level = 0

    def resolve(self, resolution: str, at: datetime) -> None:
        """The partner says how it was solved: what their resolution is measured by."""
        self.resolution = resolution
        if self.opened_at:
            self.partner_resolution_seconds = max(0, int((at - self.opened_at).total_seconds()))

    def forget_resolution(self) -> None:
        """The partner has opened it again: it is not solved."""
        self.resolution = self.partner_resolution_seconds = None

    def _no_ticket(self, what: str) -> NoTicket:
        return NoTicket(
            f"The engagement is {self.state}: {what}.", state=self.state, possible=machine.possible(self.state)
        )


async def engagement_with_ticket(partner_id: UUID, number: str, tx: Transaction) -> Engagement | None:
    """The engagement that a partner's ticket stands for, if there is one."""
    return await tx.first(Engagement, Engagement.c.partner_id == partner_id, Engagement.c.ticket_number == number)
