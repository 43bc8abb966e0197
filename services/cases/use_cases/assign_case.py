"""An engineer takes a case, or is given one; work on it begins."""

from uuid import UUID

from libs.kit.auth import ENGINEERS, Principal
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.people import PersonRequired, must_be_here, must_exist
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.people import KnownPerson
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.pass_on import give

router = Router(tags=["cases"])


class AssignCase(Command):
    """An engineer or manager of ours. Without one, whoever the caller acts for takes it."""

    person_id: UUID | None = None
    reason: Reason | None = None


async def assign_case(case: Case, person_id: UUID, reason: str | None, actor: Actor, tx: Transaction) -> None:
    """Gives the case to somebody, and work on it begins."""
    give(case, person_id, reason, actor, tx)
    case.take_up()
    await act_on(case, tx, at=tx.now, by=actor.by, reason=reason or "assigned")


async def who_takes(person_id: UUID | None, caller: Principal, tx: Transaction) -> UUID:
    """This person, or whom the caller acts for. Raises PersonRequired, NoSuchPerson, NotHereYet."""
    who = person_id or caller.person_id
    if who is None:
        raise PersonRequired("A system takes no case: say person_id.", field="person_id")
    if who == caller.person_id:
        await must_be_here(KnownPerson, who, tx)
    else:
        await must_exist(KnownPerson, [who], tx, consumer="cases", roles=ENGINEERS)
    return who


@router.post("/v1/cases/{case_id}/assign", dependencies=[allow(*COMMANDS.roles("assign"))])
async def assign_case_route(case_id: UUID, cmd: AssignCase, tx: Tx, caller: Caller) -> CaseOut:
    """Take the case, or give it to an engineer; work on it begins."""
    who = await who_takes(cmd.person_id, caller, tx)
    case = await case_for(caller, case_id, tx, command="assign")
    await assign_case(case, who, cmd.reason, Actor.of(caller), tx)
    return await case_out(case, caller, tx)
