"""A resolved case is closed by the customer or by us; see reactions for the one that time closes."""

from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.fields import Reason, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Forbidden
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.close_resolved_case import close
from services.cases.use_cases.resolve_case import say_what_ended_it

router = Router(tags=["cases"])


class CloseCase(Command):
    """The reason may be left out: a resolved case needs none. What ended the trouble is ours to say, in another word than before too."""

    reason: Reason | None = None
    closing_code: Word | None = None


async def close_case(case: Case, cmd: CloseCase, caller: Principal, tx: Transaction) -> None:
    """Raises ChildrenStillOpen, IncidentGoesOn, NoSuchCode, CodeRequired."""
    if caller.staff:
        await say_what_ended_it(case, cmd.closing_code, tx)
    await close(case, cmd.reason, Actor.of(caller), tx)


@router.post("/v1/cases/{case_id}/close", dependencies=[allow(*COMMANDS.roles("close"))])
async def close_case_route(case_id: UUID, cmd: CloseCase, tx: Tx, caller: Caller) -> CaseOut:
    """Close a resolved case. A parent closes after its children."""
    if cmd.closing_code and not caller.staff:
        raise Forbidden("The closing code is ours to give.", field="closing_code")
    case = await case_for(caller, case_id, tx, command="close")
    await close_case(case, cmd, caller, tx)
    return await case_out(case, caller, tx)
