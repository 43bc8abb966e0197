"""Given a policy and a case's history: what fires when. Nothing is kept and nobody is told; the functions are the real ones."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, ValidationError, model_validator

from libs.events.escalation import ClockKind
from libs.events.values import CountryCode, Priority, Severity
from libs.kit.auth import STAFF, Principal
from libs.kit.fields import Word, Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.policy_routes import InvalidPolicy
from libs.store import Transaction
from libs.store.ids import new_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.clock import ClockState, readings
from services.escalation.model.course import Called, Course, courses
from services.escalation.model.escalation_policy import EscalationPolicy, FrozenPolicy, Step, built_in, chosen
from services.escalation.model.facts import Fact, ToldFact, epochs, severity_at
from services.escalation.model.place import Place
from services.escalation.model.preview import differences
from services.escalation.model.settings import EscalationSettings, Rule, policies
from services.escalation.model.thresholds import Threshold, thresholds
from services.escalation.queries.access import cases_visible_to
from services.escalation.queries.draft import Draft
from services.escalation.queries.escalations import visible_case
from services.escalation.queries.settings_of_case import ReadSettings, SettingsOfCase, settings_of

router = Router(tags=["policies"])


_MOST_CASES = 200


class DryRun(Command):
    """`settings` are a draft for `plan`, `region` and `severity`, on top of what is in force; without them it is what is in force.

    The history is told, of a case of this plan, region and `time_zone`, or a case's own; or it is asked of the open cases, the newest.
    `steps` are those of a draft, else of the policies in force; `until` ends the steps that are listed.
    """

    settings: dict[str, Any] | None = None
    plan: Word | None = None
    region: CountryCode | None = None
    severity: Severity | None = None
    time_zone: Zone | None = None
    history: Annotated[list[ToldFact], Field(max_length=2000)] | None = None
    case_id: UUID | None = None
    open_cases: Literal[True] | None = None
    steps: Annotated[list[Step], Field(max_length=20)] | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_history(self) -> Self:
        if [self.history, self.case_id, self.open_cases].count(None) != 2:
            raise ValueError("give either a history or a case_id or open_cases")
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


class Fires(BaseModel):
    """When, and whether it calls for an escalation."""

    due_at: datetime
    priority: Priority
    raises_escalation: bool


class DifferenceOut(BaseModel):
    """One threshold that fires otherwise, or only in one of the two."""

    rule: Rule
    percent: int | None
    epoch: int
    round: int
    in_force: Fires | None
    draft: Fires | None


class CaseOfDryRun(BaseModel):
    """An open case for which the draft changes something of what has not fired yet."""

    case_id: UUID
    differences: list[DifferenceOut]


class DryRunOut(BaseModel):
    """What fires if nothing more happens, in order, with the steps until somebody takes it up or the epoch ends; what differs from what is
    in force. Of the open cases only those that differ, and how many were looked at."""

    items: list[Firing] = []
    clocks: list[ClockCourse] = []
    differences: list[DifferenceOut] = []
    cases: list[CaseOfDryRun] = []
    cases_looked_at: int = 0


def dry_run(
    facts: list[Fact],
    settings_at: SettingsOfCase,
    policy_of: Callable[[Threshold, EscalationSettings], FrozenPolicy],
    until: datetime | None,
) -> DryRunOut:
    """What fires when, for this history and these numbers; `until` ends the steps. Pure."""
    every = thresholds(facts, settings_at, changes=settings_at.changes)
    found = [each for each in every if until is None or each.due_at <= until]
    ends = {epoch.number: epoch.end for epoch in epochs(facts)}
    sets_off: dict[str, Course] = {}
    for epoch, end in ends.items():
        calls = [each for each in found if each.epoch == epoch and each.raises]
        if not calls:
            continue
        severity, _ = severity_at(facts, calls[0].due_at)
        policy = policy_of(calls[0], settings_at(severity, None))
        course = courses(
            [each.due_at for each in calls],
            policy.steps,
            repeat=policy.repeat,
            every=timedelta(minutes=policy.unanswered_minutes),
            until=min((bound for bound in (end, until) if bound), default=None),
        )
        sets_off |= zip((each.mark for each in calls), course, strict=True)
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
    return DryRunOut(items=[_firing(each, sets_off.get(each.mark)) for each in found], clocks=clocks)


def _firing(threshold: Threshold, sets_off: Course | None) -> Firing:
    return Firing(
        **threshold.facts(),
        clock=threshold.clock,
        raises_escalation=threshold.raises,
        joins=sets_off is not None and sets_off.joins,
        steps=list(sets_off.steps) if sets_off else [],
        unanswered=list(sets_off.unanswered) if sets_off else [],
    )


def _differences(
    facts: list[Fact], in_force: SettingsOfCase, draft: SettingsOfCase, fired: Sequence[str] = ()
) -> list[DifferenceOut]:
    def found(settings_at: SettingsOfCase) -> list[Threshold]:
        every = thresholds(facts, settings_at, changes=settings_at.changes)
        return [each for each in every if each.mark not in fired]

    def said(threshold: Threshold | None) -> Fires | None:
        if threshold is None:
            return None
        return Fires(due_at=threshold.due_at, priority=threshold.priority, raises_escalation=threshold.raises)

    return [
        DifferenceOut(
            rule=each.either.rule,
            percent=each.either.percent,
            epoch=each.either.epoch,
            round=each.either.round,
            in_force=said(each.in_force),
            draft=said(each.draft),
        )
        for each in differences(found(in_force), found(draft))
    ]


@router.post("/v1/escalation-dry-runs", dependencies=[allow(*STAFF)])
async def dry_run_route(cmd: DryRun, tx: Tx, caller: Caller) -> DryRunOut:
    """Shows what would fire when, and what differs from what is in force; keeps nothing and tells nobody."""
    draft = Draft(cmd.plan, cmd.region, cmd.severity, cmd.settings)
    try:
        EscalationSettings.model_validate(cmd.settings or {})
        if cmd.open_cases:
            return await _of_open_cases(draft, tx, caller)
        case = await visible_case(cmd.case_id, tx, caller) if cmd.case_id else None
        if case:
            in_force, changed = await settings_of(case, tx), await settings_of(case, tx, draft.at)
        else:
            case = _told(cmd)
            in_force, changed = await _now(case, tx, policies.at), await _now(case, tx, draft.at)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        raise InvalidPolicy("A setting has a value it cannot have.", errors=errors) from None
    known = await tx.select(EscalationPolicy, EscalationPolicy.c.active)

    def policy_of(threshold: Threshold, settings: EscalationSettings) -> FrozenPolicy:
        if cmd.steps is None:
            return chosen(known, threshold.rule, threshold.priority, settings)
        return built_in(settings).model_copy(update={"steps": tuple(cmd.steps)})

    told = dry_run(case.facts, changed, policy_of, cmd.until)
    told.differences = _differences(case.facts, in_force, changed)
    return told


def _told(cmd: DryRun) -> CaseFile:
    """A case that is not there, with the history that is told."""
    place = Place(country=cmd.region, time_zone=cmd.time_zone) if cmd.region and cmd.time_zone else None
    case = CaseFile(id=new_id(), plan=cmd.plan, region=cmd.region, place=place)
    case.record(*(Fact(**dict(each)) for each in cmd.history or ()))
    return case


async def _now(case: CaseFile, tx: Transaction, read: ReadSettings) -> SettingsOfCase:
    """As if what holds now had held all along."""
    assert case.opened_at
    severities = dict.fromkeys(fact.severity for fact in case.facts if fact.severity)
    numbers = {
        each: (await read(tx, plan=case.plan, region=case.region, severity=each, when=None)).at(case.place)
        for each in severities
    }
    return SettingsOfCase({each: [(case.opened_at, 0, settings)] for each, settings in numbers.items()})


async def _of_open_cases(draft: Draft, tx: Transaction, caller: Principal) -> DryRunOut:
    """The newest ones, of what has not fired."""
    cases = await tx.select(
        CaseFile,
        CaseFile.c.state.in_(("open", "assessing")),
        CaseFile.c.opened_at.is_not(None),
        *cases_visible_to(caller),
        order_by=(CaseFile.c.opened_at.desc(), CaseFile.c.id.desc()),
        limit=_MOST_CASES,
    )
    found = []
    for case in cases:
        in_force, changed = await settings_of(case, tx), await settings_of(case, tx, draft.at)
        if differ := _differences(case.facts, in_force, changed, case.breached):
            found.append(CaseOfDryRun(case_id=case.id, differences=differ))
    return DryRunOut(cases=found, cases_looked_at=len(cases))
