"""Ask for a call with the partner; with a ticket or without (S10)."""

from typing import Annotated, cast
from uuid import UUID

from pydantic import Field

from libs.events.ecps_calls import JointCallRequested
from libs.events.values import Role
from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import NotFound, Transaction
from libs.store.ids import new_id
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.fields import Span
from services.ecps.model.joint_call import CallChange, JointCall, must_be_of_case, must_be_to_come
from services.ecps.model.partner import Partner
from services.ecps.queries.joint_calls import JointCallOut, shown

router = Router(tags=["joint calls"])


class RequestCall(Command):
    """`proposed` are windows of time that would suit; an `engagement_id` has to be of this case and partner."""

    case_id: UUID
    partner_id: UUID
    engagement_id: UUID | None = None
    purpose: Text
    proposed: Annotated[list[Span], Field(max_length=10)] = Field(default_factory=list)


async def request_call(cmd: RequestCall, case: CaseFile, account_id: UUID, role: Role, tx: Transaction) -> JointCall:
    """A new call of this case. Raises TimeIsPast, NotOfThisCase, NotFound for a partner that is not there."""
    must_be_to_come(cmd.proposed, tx.now, "proposed")
    partner = await Partner.get(cmd.partner_id, tx)
    engagement = None
    if cmd.engagement_id:
        engagement = must_be_of_case(await Engagement.find(cmd.engagement_id, tx), case, partner)
    call = tx.add(
        JointCall(
            id=new_id(),
            account_id=account_id,
            number=await tx.next_number("JC"),
            case_id=case.id,
            engagement_id=cmd.engagement_id,
            diagnosis_id=engagement.diagnosis_id if engagement else None,
            partner_id=partner.id,
            partner_name=partner.name,
            purpose=cmd.purpose,
            proposed=cmd.proposed,
            time_zone=case.time_zone,
            participants=[],
            actions=[],
            history=[CallChange(state="requested", at=tx.now, by=tx.scope.actor, reason="asked for")],
            created_at=tx.now,
        )
    )
    tx.emit(
        JointCallRequested(
            **call.facts(),
            purpose=call.purpose,
            proposed=call.proposed,
            by=tx.scope.actor,
            by_role=role,
            requested_at=tx.now,
        )
    )
    return call


@router.post("/v1/joint-calls", dependencies=[allow(*ACCOUNT_KEEPERS)], status_code=201)
async def request_call_route(cmd: RequestCall, tx: Tx, caller: Caller) -> JointCallOut:
    """Asks for a call with the partner of a case, with a ticket or without (S10)."""
    case = await CaseFile.get(cmd.case_id, tx)
    if case.account_id is None or not caller.may_see(case.account_id):
        raise NotFound("case", cmd.case_id)
    case.must_take_commands()
    call = await request_call(cmd, case, case.account_id, cast("Role", caller.role), tx)
    return await shown(call, caller, tx)
