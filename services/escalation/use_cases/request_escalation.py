"""A customer asks for an escalation, or one of us sees the need for one (S23)."""

from uuid import UUID

from libs.kit.auth import STAFF
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import new_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation import Escalation, EscalationRequestedAlready
from services.escalation.model.facts import Fact
from services.escalation.queries.access import Asked
from services.escalation.queries.escalations import EscalationDetail, EscalationOut, shown, visible_case
from services.escalation.queries.settings_of_case import settings_now
from services.escalation.reactions.act_on_case import act_on
from services.escalation.reactions.breach_threshold import breach_now
from services.escalation.reactions.raise_escalation import escalate, open_escalation

router = Router(tags=["escalations"])
CUSTOMER_REQUEST = "customer_request"


class RequestEscalation(Command):
    case_id: UUID
    reason: Text


async def request_escalation(
    case: CaseFile, cmd: RequestEscalation, tx: Transaction, *, by_customer: bool
) -> Escalation:
    """A customer's request passes a threshold of its own, once in an epoch; later ones and ours ask for an escalation alone.

    Needs the case file locked. Raises CaseClosedToCommands, CaseNotWorked, EscalationRequestedAlready.
    """
    case.must_be_worked()
    settings = await settings_now(case, tx)
    if not by_customer:
        return await escalate(case, settings, tx, reason="manager", explanation=cmd.reason)
    earlier = await open_escalation(case.id, tx)
    if earlier and earlier.state != "unanswered" and CUSTOMER_REQUEST in earlier.reasons:
        raise EscalationRequestedAlready(
            f"{earlier.number} answers your earlier request and is {earlier.state}; add a note to the case instead.",
            escalation_id=str(earlier.id),
            state=earlier.state,
            possible=["add a note to the case"],
        )
    case.record(Fact(id=new_id(), kind="customer_request", at=tx.now))
    await act_on(case, tx)
    if escalation := await breach_now(case, CUSTOMER_REQUEST, tx, said=cmd.reason):
        return escalation
    return await escalate(case, settings, tx, reason=CUSTOMER_REQUEST, explanation=cmd.reason)


@router.post("/v1/escalations", status_code=201, dependencies=[allow("customer", "reseller", *STAFF)])
async def request_escalation_route(cmd: RequestEscalation, tx: Tx, caller: Caller) -> EscalationDetail | EscalationOut:
    """Raises an escalation, and calls its first step; while one is open for the case, that one goes on for this too, and is the
    answer."""
    case = await visible_case(cmd.case_id, tx, caller, lock=True)
    escalation = await request_escalation(case, cmd, tx, by_customer=not caller.staff)
    return await shown(Asked(escalation, case, caller.actor), caller, tx)
