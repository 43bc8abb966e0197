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
from services.escalation.model.escalation_policy import Step
from services.escalation.model.facts import Fact, ToldFact, epochs
from services.escalation.model.settings import EscalationSettings, Rule
from services.escalation.model.thresholds import thresholds
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


class StepOut(BaseModel):
    """One step of an escalation, and when it calls. `repeat` counts from 0."""

    at: datetime
    step: int
    repeat: int


class Firing(BaseModel):
    """One threshold that is passed; `steps` are those of the escalation that it raises."""

    rule: Rule
    clock: ClockKind | None
    percent: int | None
    epoch: int
    round: int
    due_at: datetime
    priority: Priority
    raises_escalation: bool
    explanation: str
    steps: list[StepOut]


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
    ends = {epoch.number: epoch.end for epoch in epochs(facts)}
    firing = []
    for each in thresholds(facts, settings_at):
        if until and each.due_at > until:
            continue
        bounds = [bound for bound in (ends[each.epoch], until) if bound]
        firing.append(
            Firing(
                **each.facts(),
                clock=each.clock,
                raises_escalation=each.raises,
                steps=_steps(each.due_at, steps, settings.repeat, min(bounds, default=None)) if each.raises else [],
            )
        )
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


def _steps(at: datetime, steps: list[Step], repeat: int, until: datetime | None) -> list[StepOut]:
    found: list[StepOut] = []
    for again in range(repeat + 1):
        for number, step in enumerate(steps, 1):
            if until and at >= until:
                return found
            found.append(StepOut(at=at, step=number, repeat=again))
            at += timedelta(minutes=step.minutes_to_next)
    return found


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
