"""An engineer says that the trouble is over."""

from uuid import UUID

from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import schedule_close, tell_resolved

router = Router(tags=["cases"])


class ResolveCase(Command):
    """What ended the trouble."""

    resolution: Text
    cause_id: UUID | None = None
    """The visit, RMA or partner engagement that brought it."""


async def resolve_case(case: Case, cmd: ResolveCase, actor: Actor, tx: Transaction) -> None:
    case.resolve(cmd.resolution, actor, tx.now, cmd.cause_id)
    await schedule_close(case, tx)
    tell_resolved(case, tx, actor)


@router.post("/v1/cases/{case_id}/resolve", dependencies=[allow(*COMMANDS.roles("resolve"))])
async def resolve_case_route(case_id: UUID, cmd: ResolveCase, tx: Tx, caller: Caller) -> CaseOut:
    """Say that the trouble is over; the case closes by itself unless somebody objects."""
    case = await case_for(caller, case_id, tx, command="resolve")
    await resolve_case(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
