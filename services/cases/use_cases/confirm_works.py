"""The customer says that it works: nothing is waited for from them any more, and the case goes to its end."""

from uuid import UUID

from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import CUSTOMER_WORD, Case
from services.cases.model.case_values import Confirmation
from services.cases.model.wording import say
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.close_resolved_case import close
from services.cases.reactions.publish_note import note_of
from services.cases.reactions.who_acts import who_acts
from services.cases.use_cases.add_note import end_customers_waits

router = Router(tags=["cases"])


class ConfirmWorks(Command):
    """What the customer adds to it, if anything."""

    note: Text | None = None


async def confirm_works(case: Case, cmd: ConfirmWorks, actor: Actor, tx: Transaction) -> None:
    """A resolved case closes; another one resolves, at the latest with its last wait. Raises ChildrenStillOpen."""
    note_of(case, tx, cmd.note or say("works", case.language), actor, visibility="public")
    if case.state == "resolved":
        await close(case, CUSTOMER_WORD, actor, tx)
        return
    end_customers_waits(case, actor, tx)
    case.confirm(Confirmation(cause_id=new_id(), kind="works", at=tx.now))
    await act_on(case, tx, at=tx.now, by=actor.by, reason=CUSTOMER_WORD)


@router.post("/v1/cases/{case_id}/works", dependencies=[allow(*COMMANDS.roles("works"))])
async def confirm_works_route(case_id: UUID, cmd: ConfirmWorks, tx: Tx, caller: Caller) -> CaseOut:
    """Say that it works. Where something else is waited for still, the word is kept and resolves the case with the last wait."""
    actor = await who_acts(caller, tx)
    case = await case_for(caller, case_id, tx, command="works")
    await confirm_works(case, cmd, actor, tx)
    return await case_out(case, caller, tx)
