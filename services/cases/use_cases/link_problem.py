"""A case is one of a problem's: what is known of it can be told to the customer at once (S25)."""

from uuid import UUID

from libs.events.cases_work import ProblemLinked, ProblemUnlinked
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.problem import Problem
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out

router = Router(tags=["cases"])


class LinkProblem(Command):
    """The problem that the case is one of."""

    problem_id: UUID


class NotLinked(Conflict):
    """The case is no problem's."""


class UnlinkProblem(Command):
    """Why it is none of the problem's."""

    reason: Reason


async def link_problem(case: Case, problem: Problem, actor: Actor, tx: Transaction) -> None:
    case.problem_id = problem.id
    tx.emit(
        ProblemLinked(
            case_id=case.id,
            problem_id=problem.id,
            number=problem.number,
            symptom=problem.symptom,
            workaround=problem.workaround,
            fix_release=problem.fix_release,
            by=actor.by,
            linked_at=tx.now,
        )
    )


def unlink_problem(case: Case, problem: Problem, reason: str, actor: Actor, tx: Transaction) -> None:
    """What was told of it stays told; nothing more will be."""
    case.problem_id = None
    tx.emit(
        ProblemUnlinked(
            case_id=case.id,
            problem_id=problem.id,
            number=problem.number,
            reason=reason,
            **actor.facts(),
            unlinked_at=tx.now,
        )
    )


@router.post("/v1/cases/{case_id}/problem", dependencies=[allow(*COMMANDS.roles("problem"))])
async def link_problem_route(case_id: UUID, cmd: LinkProblem, tx: Tx, caller: Caller) -> CaseOut:
    """Say which problem the case is one of; what is known of it can be told at once."""
    # The problem is locked first, so that what is published meanwhile is told to this case too.
    problem = await Problem.get(cmd.problem_id, tx, lock=True)
    case = await case_for(caller, case_id, tx, command="problem")
    await link_problem(case, problem, Actor.of(caller), tx)
    return await case_out(case, caller, tx)


@router.post("/v1/cases/{case_id}/problem/unlink", dependencies=[allow(*COMMANDS.roles("problem"))])
async def unlink_problem_route(case_id: UUID, cmd: UnlinkProblem, tx: Tx, caller: Caller) -> CaseOut:
    """Take the case from its problem; workarounds and fixes of that are told to it no more."""
    linked = (await case_for(caller, case_id, tx)).problem_id
    problem = await Problem.get(linked, tx, lock=True) if linked else None
    case = await case_for(caller, case_id, tx, command="problem")
    if problem is None or case.problem_id != problem.id:
        raise NotLinked(
            f"{case.number} is linked to no problem, or to another one by now.",
            state=case.state,
            possible=COMMANDS.possible(caller.role, case),
        )
    unlink_problem(case, problem, cmd.reason, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
