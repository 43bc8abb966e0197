"""An escalation: who was called in which step, who took it up, who answers for it, how it ended."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Annotated, Literal, TypedDict
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.values import Priority
from libs.kit.problems import Conflict
from libs.kit.states import StateMachine
from libs.store import Entity, UpdatedAt
from services.escalation.model.escalation_policy import FrozenPolicy, Step
from services.escalation.model.people import Addressee

EscalationState = Literal["triggered", "unanswered", "acknowledged", "handed_over", "resolved"]

machine = StateMachine[EscalationState](
    "The escalation",
    {
        "triggered": {"acknowledged", "unanswered", "resolved"},
        "unanswered": {"acknowledged", "triggered", "resolved"},
        "acknowledged": {"handed_over", "triggered", "resolved"},
        "handed_over": {"acknowledged", "triggered", "resolved"},
    },
    "triggered",
)

NOT_OVER: tuple[EscalationState, ...] = ("triggered", "unanswered", "acknowledged", "handed_over")

STEP = "step"
"""The timer of the next step; after the last one, the escalation is unanswered."""
UNANSWERED = "unanswered"
"""The timer of the next call that nobody answered, for as long as nobody does."""
SUCCESSION = "succession"
"""The timer of who is named and has left: of whatever names them."""
JOINED = "joined"
"""The timer of an escalation of before cases had one open one: that it is over is told."""
SILENCE = "silence"
"""The timer that looks whether anything was heard since somebody took it up."""


class AcknowledgedAlready(Conflict):
    """A step that wants several people wants different ones."""


class EngagedAlready(Conflict):
    """An expert is invited to an escalation once."""


class EscalationRequestedAlready(Conflict):
    """Somebody is called for the customer's earlier request, or works on it."""


class Change(BaseModel):
    """One change of state: when, by whom, why."""

    state: EscalationState
    at: datetime
    by: str
    reason: str


class Acknowledgement(BaseModel):
    """One person's or system's word that they work on it."""

    by: str
    # whose word it is; None where a system gave it
    person_id: UUID | None = None
    at: datetime


class Engagement(BaseModel):
    """An expert who was invited, and for which of their skills."""

    expert_id: UUID
    # who joins, the expert or whoever took over from them; None in those of before experts were people
    person_id: UUID | None = None
    skills: list[str]
    reason: str
    by: str
    at: datetime


class Joined(BaseModel):
    """What called for an escalation while this one was open: a breach, or what a customer or one of us asked."""

    reason: str
    explanation: str
    breach_id: UUID | None = None
    by: str
    at: datetime


class EscalationIds(TypedDict):
    """What every event of an escalation says."""

    escalation_id: UUID
    case_id: UUID


class Escalation(
    Entity,
    table="escalations",
    indexes=(
        "case_id",
        ("raised_at", "id"),
        ("account_id", "raised_at", "id"),
        ("state", "raised_at", "id"),
        ("priority", "raised_at", "id"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
    unique=("number", "breach_id"),
):
    """The one that is open for its case. `step` counts from 1; `repeat` is how often all steps were gone through before;
    `active_at` is the last sign of life, `owner` the person to whom it was handed over, `next_step_at` when somebody is called
    next."""

    account_id: UUID | None = None
    case_id: UUID
    number: str
    breach_id: UUID | None = None
    reason: str
    explanation: str
    joined: Annotated[list[Joined], sa.DefaultClause("[]")] = field(default_factory=list)
    priority: Priority
    epoch: int
    state: EscalationState = machine.initial
    policy: FrozenPolicy
    step: int = 0
    repeat: int = 0
    recipients: list[Addressee] = field(default_factory=list)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    experts: list[Engagement] = field(default_factory=list)
    owner: UUID | None = None
    raised_by: str
    raised_at: datetime
    updated_at: UpdatedAt = field(init=False)
    active_at: datetime
    next_step_at: datetime | None = None
    resolution: str | None = None
    resolved_at: datetime | None = None
    history: list[Change] = field(default_factory=list)

    @property
    def ids(self) -> EscalationIds:
        """What every event of this escalation says."""
        return {"escalation_id": self.id, "case_id": self.case_id}

    def become(self, state: EscalationState, *, at: datetime, by: str, reason: str) -> None:
        """Goes to a state and puts it on record. Raises ForbiddenTransition."""
        machine.check(self.state, state)
        self.state = state
        self.history = [*self.history, Change(state=state, at=at, by=by, reason=reason)]

    @property
    def reasons(self) -> list[str]:
        """What raised it, then what joined it, each once."""
        return list(dict.fromkeys([self.reason, *(each.reason for each in self.joined)]))

    def join(self, what: Joined) -> None:
        """Goes on for this too. An unanswered one is triggered again. Raises ForbiddenTransition for a resolved one."""
        if self.state in ("unanswered", "resolved"):
            self.become("triggered", at=what.at, by=what.by, reason=what.explanation)
        self.joined = [*self.joined, what]

    @property
    def current_step(self) -> Step:
        """The step whose people were called last."""
        return self.policy.steps[self.step - 1]

    @property
    def still_wanted(self) -> int:
        """How many more people the current step wants."""
        return max(0, self.current_step.acknowledgements - len(self.acknowledgements))

    @property
    def held_by(self) -> UUID | None:
        """The person who answers for it; None before anybody took it up, and where a system did."""
        if self.owner:
            return self.owner
        return self.acknowledgements[-1].person_id if self.acknowledgements else None

    def following(self) -> tuple[int, int] | None:
        """The step after this one and its repeat; None once everything was gone through as often as the policy says."""
        if self.step < len(self.policy.steps):
            return self.step + 1, self.repeat
        return (1, self.repeat + 1) if self.repeat < self.policy.repeat else None

    def begin_step(self, at: datetime, recipients: list[Addressee]) -> datetime:
        """Calls the next step's people; after the last one, the first step's anew. Returns when the step has been given enough
        time."""
        self.step, self.repeat = self.following() or (1, 0)
        self.recipients, self.acknowledgements, self.owner = recipients, [], None
        ends_at = at + timedelta(minutes=self.current_step.minutes_to_next)
        self.next_step_at = ends_at if self.following() else None
        return ends_at

    def must_be_free_for(self, by: str) -> None:
        """For one person who takes it up. Raises ForbiddenTransition, AcknowledgedAlready."""
        machine.check(self.state, "acknowledged")
        if any(each.by == by for each in self.acknowledgements):
            raise AcknowledgedAlready(
                f"You took this step up already; {self.still_wanted} more people are wanted.",
                still_wanted=self.still_wanted,
            )

    def acknowledge(self, by: str, at: datetime, note: str | None = None, *, person_id: UUID | None = None) -> None:
        """One person takes it up, or a system. The step is silent once as many different people did as it wants; after a hand-over one is
        enough. Raises ForbiddenTransition, AcknowledgedAlready.
        """
        self.must_be_free_for(by)
        self.acknowledgements = [*self.acknowledgements, Acknowledgement(by=by, person_id=person_id, at=at)]
        self.active_at = at
        if self.state == "handed_over" or not self.still_wanted:
            self.next_step_at = None
            self.become("acknowledged", at=at, by=by, reason=note or "taken up")

    def leave_unanswered(self, at: datetime) -> None:
        """Nobody took it up in any step. Raises ForbiddenTransition."""
        self.become("unanswered", at=at, by="system:escalation", reason="nobody took it up in any step")

    @property
    def unanswered_since(self) -> datetime:
        """Of one that is unanswered."""
        return self.history[-1].at

    def call_unanswered(self, at: datetime) -> int:
        """Which call it is, from 1, that nobody took it up; the next one is due at `next_step_at`. Those that were due while nobody
        could make them are made up for by one."""
        wait = timedelta(minutes=self.policy.unanswered_minutes)
        call = (at - self.unanswered_since) // wait + 1
        self.next_step_at = self.unanswered_since + call * wait
        return call

    def silent_from(self, last_progress: datetime | None) -> datetime:
        """When the silence since the last sign of life, here or on the case, has been too long."""
        last = max(self.active_at, last_progress or self.active_at)
        return last + timedelta(minutes=self.policy.unacknowledge_minutes)

    def unacknowledge(self, at: datetime) -> None:
        """Takes it back from whoever was silent. Raises ForbiddenTransition."""
        self.become("triggered", at=at, by="system:escalation", reason="nothing was heard of who took it up")

    def hand_over(self, to: UUID, note: str, by: str, at: datetime) -> UUID | None:
        """Another person answers for it; returns who did before. Raises ForbiddenTransition."""
        self.become("handed_over", at=at, by=by, reason=note)
        previous = self.held_by
        self.owner, self.active_at, self.acknowledgements = to, at, []
        return previous

    def pass_on(self, to: UUID, at: datetime) -> UUID | None:
        """Whoever holds it has left: a successor does; returns who did before, None where nobody holds it now."""
        previous = self.held_by
        if self.state == "acknowledged":
            return self.hand_over(to, "whoever held it has left", "system:escalation", at)
        if self.state != "handed_over":
            return None
        self.owner, self.active_at = to, at
        return previous

    def must_not_be_resolved(self) -> None:
        """Raises Conflict."""
        if self.state == "resolved":
            raise Conflict(
                "The escalation is resolved; nobody can be invited to it any more.", state=self.state, possible=[]
            )

    def engage(self, engagement: Engagement) -> None:
        """Invites an expert. Raises EngagedAlready, Conflict once it is resolved."""
        self.must_not_be_resolved()
        if any(each.expert_id == engagement.expert_id for each in self.experts):
            raise EngagedAlready("This expert is invited already.", expert_id=str(engagement.expert_id))
        self.experts = [*self.experts, engagement]
        self.active_at = engagement.at

    @property
    def invited(self) -> list[UUID]:
        """The persons who were, as long as it is not over."""
        return [each.person_id for each in self.experts if each.person_id] if self.state != "resolved" else []

    def pass_on_places(self, successors: Mapping[UUID, UUID], at: datetime) -> list[Engagement]:
        """Who was invited and has left gives the place to a successor; those who join now, each once."""
        before = set(self.invited)
        if not before & successors.keys():
            return []
        self.experts = [
            each.model_copy(update={"person_id": each.person_id and successors.get(each.person_id, each.person_id)})
            for each in self.experts
        ]
        self.active_at = at
        new = {each.person_id: each for each in self.experts if each.person_id not in before}
        return list(new.values())

    def resolve(self, resolution: str, by: str, at: datetime) -> None:
        """The end. Raises ForbiddenTransition."""
        self.become("resolved", at=at, by=by, reason=resolution)
        self.resolution, self.resolved_at, self.next_step_at = resolution, at, None


sa.Index(
    "escalations_case_id_open_key", Escalation.c.case_id, unique=True, postgresql_where=sa.text("state <> 'resolved'")
)
