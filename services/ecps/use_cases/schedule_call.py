"""Give a joint call its time, or move it; whoever takes part is invited (S10)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.ecps_calls import JointCallScheduled
from libs.kit.auth import ENGINEERS
from libs.kit.fields import Line, Reason, Url, Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.fields import Span
from services.ecps.model.joint_call import CallParticipant, JointCall, invited
from services.ecps.model.partner import Partner
from services.ecps.queries.joint_calls import JointCallOut, call_for

router = Router(tags=["joint calls"])


class Participant(CallParticipant):
    name: Line
    email: Line | None = None


class ScheduleCall(Command):
    """Again for a call that moves. Without a `time_zone` the times are shown in the site's.

    Without `participants`, the customer's contact and the partner's `level` are invited, or the partner's contact.
    """

    window: Span
    time_zone: Zone | None = None
    join_url: Url | None = None
    level: int | None = Field(None, ge=1, le=10)
    participants: Annotated[list[Participant], Field(max_length=50)] = Field(default_factory=list)
    reason: Reason = "agreed"


async def schedule_call(call: JointCall, cmd: ScheduleCall, engineer: str, tx: Transaction) -> JointCall:
    """For a locked call. Raises CaseClosedToCommands, ForbiddenTransition, NotALevel."""
    case = await CaseFile.get(call.case_id, tx)
    case.must_take_commands()
    call.become("scheduled", tx, cmd.reason)
    partner = await Partner.get(call.partner_id, tx)
    usual = invited(case, partner, cmd.level, engineer)
    call.window, call.join_url, call.level = cmd.window, cmd.join_url or call.join_url, cmd.level
    call.time_zone = cmd.time_zone or case.time_zone
    call.participants = [*cmd.participants] or usual
    call.sequence += 1
    tx.emit(
        JointCallScheduled(
            **call.facts(),
            window=call.window,
            time_zone=call.time_zone,
            calendar_url=call.calendar_path,
            sequence=call.sequence,
            level=call.level,
            by=tx.scope.actor,
            scheduled_at=tx.now,
        )
    )
    return call


@router.post("/v1/joint-calls/{call_id}/schedule", dependencies=[allow(*ENGINEERS)])
async def schedule_call_route(call_id: UUID, cmd: ScheduleCall, tx: Tx, caller: Caller) -> JointCallOut:
    """Invites the customer's contact and the partner's level, besides whoever is named."""
    call = await call_for(caller, call_id, tx, lock=True)
    return JointCallOut.model_validate(await schedule_call(call, cmd, caller.name, tx))
