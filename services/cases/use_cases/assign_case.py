"""An engineer takes a case, or is given one; work on it begins."""

from uuid import UUID

from libs.events.cases import CaseAssigned
from libs.kit.fields import Line, Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import act_on

router = Router(tags=["cases"])


class AssignCase(Command):
    """Without an assignee the caller takes it."""

    assignee: Line | None = None
    assignee_name: Line | None = None
    assignee_email: Line | None = None
    reason: Reason | None = None


async def assign_case(case: Case, cmd: AssignCase, actor: Actor, tx: Transaction) -> None:
    """Gives the case to somebody, and work on it begins."""
    previous = case.assignee
    assignee = cmd.assignee or actor.by
    name = cmd.assignee_name or cmd.assignee or actor.name
    case.assign(assignee, name)
    tx.emit(
        CaseAssigned(
            case_id=case.id,
            assignee=assignee,
            assignee_name=name,
            assignee_email=cmd.assignee_email,
            previous_assignee=previous,
            queue=case.queue,
            reason=cmd.reason,
            **actor.facts(),
            assigned_at=tx.now,
        )
    )
    await act_on(case, tx, at=tx.now, by=actor.by, reason=cmd.reason or "assigned")


@router.post("/v1/cases/{case_id}/assign", dependencies=[allow(*COMMANDS.roles("assign"))])
async def assign_case_route(case_id: UUID, cmd: AssignCase, tx: Tx, caller: Caller) -> CaseOut:
    """Take the case, or give it to an engineer; work on it begins."""
    case = await case_for(caller, case_id, tx, command="assign")
    await assign_case(case, cmd, Actor.of(caller), tx)
    return case_out(case, caller)
