"""The same asked of many cases at once; each answers for itself."""

from copy import deepcopy
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.kit.auth import CASE_WRITERS, Principal
from libs.kit.fields import Reason, Text, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.listing import Out
from libs.kit.problems import Forbidden, Problem, as_problem, body_of
from libs.store import NotFound, Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.lifecycle import CaseState
from services.cases.queries.access import COMMANDS, visible_to
from services.cases.use_cases.assign_case import AssignCase, assign_case, who_takes
from services.cases.use_cases.close_case import CloseCase, close_case
from services.cases.use_cases.resolve_case import ResolveCase, resolve_case

router = Router(tags=["cases"])
MOST = 100
_ALONE: dict[str, type[Command]] = {"assign": AssignCase, "resolve": ResolveCase, "close": CloseCase}


class ChangeMany(Command):
    """What `/assign`, `/resolve` or `/close` takes, for each of these cases."""

    action: Literal["assign", "resolve", "close"]
    case_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]
    person_id: UUID | None = Field(None, description="of assign")
    reason: Reason | None = Field(None, description="of assign and close")
    resolution: Text | None = Field(None, description="of resolve, which needs it")
    end_waits: bool = Field(False, description="of resolve")
    closing_code: Word | None = Field(None, description="of resolve and close")

    @model_validator(mode="after")
    def _says_what_it_takes(self) -> Self:
        taken = _ALONE[self.action].model_fields.keys()
        if foreign := sorted(self.model_fields_set - taken - {"action", "case_ids"}):
            raise ValueError(f"{self.action} does not take {', '.join(foreign)}")
        if self.action == "resolve" and not self.resolution:
            raise ValueError("resolve needs a resolution")
        return self


class Outcome(Out):
    """What became of one case. Where it was refused, `problem` is what the command for it alone would have answered."""

    case_id: UUID
    done: bool
    number: str | None = None
    state: CaseState | None = None
    etag: str | None = None
    problem: dict[str, Any] | None = None


class Outcomes(Out):
    """In the order in which the cases were named, each once."""

    results: list[Outcome]


async def _act(case: Case, cmd: ChangeMany, who: UUID | None, caller: Principal, tx: Transaction) -> None:
    COMMANDS.permit(cmd.action, caller.role, case)
    sent = cmd.model_dump(exclude={"action", "case_ids"}, exclude_unset=True)
    match cmd.action:
        case "assign":
            assert who
            await assign_case(case, who, cmd.reason, Actor.of(caller), tx)
        case "resolve":
            await resolve_case(case, ResolveCase.model_validate(sent), Actor.of(caller), tx)
        case "close":
            await close_case(case, CloseCase.model_validate(sent), caller, tx)


async def change_many(
    cases: list[Case], cmd: ChangeMany, who: UUID | None, caller: Principal, tx: Transaction
) -> dict[UUID, Problem | None]:
    """What refused each; a refused one stays as it is. Children come before what is above them, which then sees that they are over."""
    refused: dict[UUID, Problem | None] = {}
    for case in sorted(cases, key=lambda each: (each.is_incident, each.parent_id is None, each.id)):
        before, told = deepcopy(vars(case)), len(tx.pending.outbox)
        try:
            await _act(case, cmd, who, caller, tx)
        except Problem as problem:
            if len(tx.pending.outbox) > told:
                raise
            vars(case).update(before)
            refused[case.id] = problem
        else:
            await tx.flush()
            refused[case.id] = None
    return refused


@router.post("/v1/cases/bulk", dependencies=[allow(*CASE_WRITERS)])
async def change_many_route(cmd: ChangeMany, tx: Tx, caller: Caller) -> Outcomes:
    """Assign, resolve or close up to a hundred cases. Each has an outcome of its own; those that refuse keep none of the others back."""
    if caller.role not in COMMANDS.roles(cmd.action):
        raise Forbidden(f"A {caller.role} may not do this.", allowed=sorted(COMMANDS.roles(cmd.action)))
    if cmd.closing_code and not caller.staff:
        raise Forbidden("The closing code is ours to give.", field="closing_code")
    who = await who_takes(cmd.person_id, caller, tx) if cmd.action == "assign" else None
    # Locked in the order of their ids, as everybody does who takes several.
    found = await tx.select(Case, Case.c.id.in_(cmd.case_ids), *visible_to(caller), lock=True)
    refused = await change_many(found, cmd, who, caller, tx)
    cases = {case.id: case for case in found}

    def outcome(id: UUID) -> Outcome:
        case = cases.get(id)
        problem = refused[id] if case else as_problem(NotFound("case", id))
        return Outcome(
            case_id=id,
            done=problem is None,
            number=case.number if case else None,
            state=case.state if case else None,
            etag=f'"{case.revision}"' if case else None,
            problem=body_of(problem) if problem else None,
        )

    return Outcomes(results=[outcome(id) for id in dict.fromkeys(cmd.case_ids)])
