"""A resolved case is not over after all: the customer's complaint or the engineer's objection, with a reason."""

from uuid import UUID

from libs.events.cases import CaseReopened
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import AUTO_CLOSE, Case
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.route_case import route

router = Router(tags=["cases"])


class ReopenCase(Command):
    """Why the case is not over after all."""

    reason: Reason


async def reopen_case(case: Case, cmd: ReopenCase, actor: Actor, tx: Transaction) -> None:
    """Too late, a follow-up case is offered instead."""
    case.reopen(cmd.reason, actor, tx.now)
    tx.cancel_timer(case, AUTO_CLOSE)
    tx.emit(
        CaseReopened(
            case_id=case.id,
            epoch=case.epoch,
            assignee_id=case.assignee,
            reason=cmd.reason,
            **actor.facts(),
            reopened_at=tx.now,
        )
    )
    if case.assignee is None:
        await route(case, tx, actor.by, why="reopened")
    await act_on(case, tx, at=tx.now, by=actor.by, reason=cmd.reason)


@router.post(
    "/v1/cases/{case_id}/reopen",
    dependencies=[allow(*COMMANDS.roles("reopen"))],
)
async def reopen_case_route(case_id: UUID, cmd: ReopenCase, tx: Tx, caller: Caller) -> CaseOut:
    """Reopen a resolved case; who had it goes on with it."""
    case = await case_for(caller, case_id, tx, command="reopen")
    await reopen_case(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
