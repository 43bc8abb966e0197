"""A workaround or fix for one case, and why it is the appropriate response (S25)."""

from typing import Literal
from uuid import UUID

from libs.events.cases_work import WorkaroundProvided
from libs.kit.fields import Line, Reason, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.case_values import Workaround
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out

router = Router(tags=["cases"])


class ProvideWorkaround(Command):
    """What helps, and why it is the appropriate response."""

    kind: Literal["workaround", "fix"] = "workaround"
    text: Text
    fix_release: Line | None = None
    diagnosis_id: UUID | None = None
    appropriate_because: Reason


def provide_workaround(case: Case, given: Workaround, tx: Transaction) -> None:
    """Tells it to the customer; also what was found for the problem that the case is one of."""
    case.workarounds.append(given)
    tx.emit(WorkaroundProvided(case_id=case.id, **given.model_dump(exclude={"at"}), provided_at=given.at))


@router.post("/v1/cases/{case_id}/workaround", dependencies=[allow(*COMMANDS.roles("workaround"))])
async def provide_workaround_route(case_id: UUID, cmd: ProvideWorkaround, tx: Tx, caller: Caller) -> CaseOut:
    """Give the customer a workaround or fix, and say why it is the appropriate response."""
    case = await case_for(caller, case_id, tx, command="workaround")
    given = Workaround(**cmd.model_dump(), problem_id=None, by=Actor.of(caller).by, at=tx.now)
    provide_workaround(case, given, tx)
    return await case_out(case, caller, tx)
