"""Given a policy and a case's history: what fires when. Nothing is kept and nobody is told; the functions are the real ones."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, ValidationError, model_validator

from libs.events.escalation import ClockKind
from libs.events.values import Priority
from libs.kit.auth import STAFF
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.policy_routes import InvalidPolicy
from services.escalation.model.clock import ClockState, SettingsAt, readings
from services.escalation.model.course import Called, Course, courses
from services.escalation.model.escalation_policy import Step
from services.escalation.model.facts import Fact, ToldFact, epochs
from services.escalation.model.settings import EscalationSettings, Rule
from services.escalation.model.thresholds import Threshold, thresholds
from services.escalation.queries.escalations import visible_case

router = Router(tags=["policies"])


class DryRun(Command):
    """`settings` differ from the seeded numbers; the history is told, or a case's own; `until` ends the steps that are listed."""

    settings: dict[str, Any] = Field(default_factory=dict)
    history: Annotated[list[ToldFact], Field(max_length=2000)] | None = None
    case_id: UUID | None = None
    steps: Annotated[list[Step], Field(max_length=20)] = Field(default_factory=list)
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_history(self) -> Self:
        if (self.history is None) == (self.case_id is None):
            raise ValueError("give either a history or a case_id")
        if self.history is not None and not any(fact.kind == "opened" for fact in self.history):
            raise ValueError("a history begins with the case being opened")
        return self


class Firing(BaseModel):
    """One threshold that is passed. One that calls for an escalation raises it, or `joins` the open one. `steps` are those that it sets
    off, none where the steps of the open one are under way; `unanswered` is when it is told that nobody took it up, for a day at most."""

    rule: Rule
    clock: ClockKind | None
    percent: int | None
    epoch: int
    round: int
    due_at: datetime
    priority: Priority
    raises_escalation: bool
    joins: bool
    explanation: str
    steps: list[Called]
    unanswered: list[datetime]


class ClockCourse(BaseModel):
    """One clock from its start on; `due_at` is absent while it stands still."""

    kind: str
    epoch: int
    round: int
    priority: Priority
    state: ClockState
    started_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    paused_seconds: int


class DryRunOut(BaseModel):
    """What fires if nothing more happens, in order, with the steps until somebody takes it up or the epoch ends."""

    items: list[Firing]
    clocks: list[ClockCourse]


def dry_run(
    facts: list[Fact],
    settings_at: SettingsAt,
    settings: EscalationSettings,
    steps: list[Step],
    until: datetime | None,
) -> DryRunOut:
    """What fires when, for this history and these numbers; `until` ends the steps. Pure."""
    found = [each for each in thresholds(facts, settings_at) if until is None or each.due_at <= until]
    ends = {epoch.number: epoch.end for epoch in epochs(facts)}
    sets_off: dict[str, Course] = {}
    for epoch, end in ends.items():
        calls = [each for each in found if each.epoch == epoch and each.raises]
        course = courses(
            [each.due_at for each in calls],
            steps,
            repeat=settings.repeat,
            every=timedelta(minutes=settings.unanswered_minutes),
            until=min((bound for bound in (end, until) if bound), default=None),
        )
        sets_off |= zip((each.mark for each in calls), course, strict=True)
    firing = [_firing(each, sets_off.get(each.mark)) for each in found]
    clocks = [
        ClockCourse(
            kind=each.kind,
            epoch=each.epoch,
            round=each.round,
            priority=each.priority,
            state=each.state,
            started_at=each.started_at,
            due_at=each.due_at(),
            ended_at=each.ended_at,
            paused_seconds=int(each.paused_for.total_seconds()),
        )
        for each in readings(facts, settings_at)
    ]
    return DryRunOut(items=firing, clocks=clocks)


def _firing(threshold: Threshold, sets_off: Course | None) -> Firing:
    return Firing(
        **threshold.facts(),
        clock=threshold.clock,
        raises_escalation=threshold.raises,
        joins=sets_off is not None and sets_off.joins,
        steps=list(sets_off.steps) if sets_off else [],
        unanswered=list(sets_off.unanswered) if sets_off else [],
    )


@router.post("/v1/escalation-dry-runs", dependencies=[allow(*STAFF)])
async def dry_run_route(cmd: DryRun, tx: Tx, caller: Caller) -> DryRunOut:
    """Shows what would fire when; keeps nothing and tells nobody."""
    try:
        settings = EscalationSettings.model_validate(cmd.settings)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        raise InvalidPolicy("A setting has a value it cannot have.", errors=errors) from None
    told = [Fact(**dict(each)) for each in cmd.history or ()]
    facts = (await visible_case(cmd.case_id, tx, caller)).facts if cmd.case_id else told
    return dry_run(facts, lambda _severity, _at: settings, settings, cmd.steps, cmd.until)
