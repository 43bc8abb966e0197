"""Problem management: what many cases have in common, its cause, and our response to it (S25)."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import Field, StringConstraints

from libs.events.cases_work import ProblemUpdated
from libs.kit.auth import ENGINEERS
from libs.kit.fields import Line, ProductNumber, Reason, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.lifecycle import WORKABLE
from services.cases.model.problem import PUBLISHED, Problem, ProblemChange
from services.cases.model.problem import Response as ProblemResponse
from services.cases.queries.problems import ProblemOut, problem_out
from services.cases.use_cases.provide_workaround import provide_workaround

router = Router(tags=["problems"])
Release = Annotated[Line, StringConstraints(pattern=r"[0-9]"), Field(examples=["4.5.0-448317"])]
"""Compared by its numbers up to a letter or a hyphen: `4.5.0-448317` is 4.5.0."""


class ProblemFields(Command):
    symptom: Text
    keywords: Annotated[list[Line], Field(max_length=50)] = Field(default_factory=list)
    """What else people call it: to be published it needs some in English, and some in Vietnamese with its diacritics."""
    family: Line | None = None
    product_numbers: Annotated[list[ProductNumber], Field(max_length=50)] = Field(default_factory=list)
    firmware: Line | None = None
    """Where it was seen."""
    affected_from: Release | None = None
    """The first release that has it."""
    root_cause: Text | None = None


class CreateProblem(New, ProblemFields):
    """What many cases have in common."""


class ChangeProblem(Patch, ProblemFields):
    """What is known of it by now."""


class RespondToProblem(Command):
    response: ProblemResponse
    reason: Reason
    """Why this is, or why a fix or workaround is not, the appropriate response."""
    workaround: Text | None = None
    fix_release: Line | None = None


class CloseProblem(Command):
    reason: Reason


async def create_problem(cmd: CreateProblem, by: str, tx: Transaction) -> Problem:
    recorded = ProblemChange(status="open", response="undecided", at=tx.now, by=by, reason="recorded")
    number = await tx.next_number("PRB")
    problem = cmd.make(Problem, tx, number=number, words=[], created_by=by, history=[recorded])
    problem.describe()
    _tell(problem, by, tx)
    return problem


async def change_problem(problem: Problem, cmd: ChangeProblem, by: str, tx: Transaction) -> None:
    """Raises KeywordsMissing."""
    if changed := cmd.apply_to(problem):
        if "keywords" in changed and problem.status in PUBLISHED:
            problem.must_have_keywords()
        problem.describe()
        _tell(problem, by, tx)


async def respond_to_problem(problem: Problem, cmd: RespondToProblem, by: str, tx: Transaction) -> None:
    """A published workaround or fix tells every linked case that is still worked on.

    Raises NothingToPublish, KeywordsMissing or ForbiddenTransition.
    """
    published = problem.respond(
        cmd.response, cmd.reason, by, tx.now, workaround=cmd.workaround, fix_release=cmd.fix_release
    )
    _tell(problem, by, tx)
    if published is None:
        return
    for case in await tx.select(Case, Case.c.problem_id == problem.id, Case.c.state.in_(WORKABLE), lock=True):
        provide_workaround(case, published, tx)


def _tell(problem: Problem, by: str, tx: Transaction) -> None:
    tx.emit(ProblemUpdated(**problem.facts() | {"by": by, "updated_at": tx.now}))


@router.post("/v1/problems", dependencies=[allow(*ENGINEERS)], status_code=201)
async def create_problem_route(cmd: CreateProblem, tx: Tx, caller: Caller, response: Response) -> ProblemOut:
    problem = await create_problem(cmd, caller.scope.actor, tx)
    response.headers["location"] = f"/v1/problems/{problem.id}"
    return problem_out(problem)


@router.patch("/v1/problems/{problem_id}", dependencies=[allow(*ENGINEERS)])
async def change_problem_route(problem_id: UUID, cmd: ChangeProblem, tx: Tx, caller: Caller) -> ProblemOut:
    problem = await Problem.get(problem_id, tx, lock=True)
    await change_problem(problem, cmd, caller.scope.actor, tx)
    return problem_out(problem)


@router.post("/v1/problems/{problem_id}/respond", dependencies=[allow(*ENGINEERS)])
async def respond_to_problem_route(problem_id: UUID, cmd: RespondToProblem, tx: Tx, caller: Caller) -> ProblemOut:
    problem = await Problem.get(problem_id, tx, lock=True)
    await respond_to_problem(problem, cmd, caller.scope.actor, tx)
    return problem_out(problem)


@router.post("/v1/problems/{problem_id}/close", dependencies=[allow(*ENGINEERS)])
async def close_problem_route(problem_id: UUID, cmd: CloseProblem, tx: Tx, caller: Caller) -> ProblemOut:
    problem = await Problem.get(problem_id, tx, lock=True)
    problem.become("closed", cmd.reason, caller.scope.actor, tx.now)
    _tell(problem, caller.scope.actor, tx)
    return problem_out(problem)
