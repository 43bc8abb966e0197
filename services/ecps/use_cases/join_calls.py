"""Join the partner on a call, if asked; with a ticket or without (S10)."""

from typing import Annotated, cast
from uuid import UUID

from pydantic import Field

from libs.events.ecps_calls import CallParticipant, JointCallHeld, JointCallRequested, JointCallScheduled
from libs.events.values import CallAction, Role
from libs.kit.auth import ACCOUNT_KEEPERS, ENGINEERS
from libs.kit.fields import Line, Reason, Text, Url, Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import NotFound
from libs.store.ids import new_id
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.fields import Span
from services.ecps.model.joint_call import CallStep, JointCall
from services.ecps.model.partner import Partner
from services.ecps.queries.joint_calls import JointCallOut, call_for

router = Router(tags=["joint calls"])


class NotOfThisCase(Unprocessable):
    """The engagement is about another case or partner."""


class NotALevel(Unprocessable):
    """The partner's procedure has no such level."""


class RequestCall(Command):
    case_id: UUID
    partner_id: UUID
    engagement_id: UUID | None = None
    purpose: Text
    proposed: Annotated[list[Span], Field(max_length=10)] = Field(default_factory=list)


class Participant(CallParticipant):
    name: Line
    email: Line | None = None


class Action(CallAction):
    what: Text
    owner: Line


class ScheduleCall(Command):
    """Again for a call that moves. Without a `time_zone` the times are shown in the site's."""

    window: Span
    time_zone: Zone | None = None
    join_url: Url | None = None
    level: int | None = Field(None, ge=1, le=10)
    participants: Annotated[list[Participant], Field(max_length=50)] = Field(default_factory=list)
    reason: Reason = "agreed"


class RecordCall(Command):
    outcome: Text
    actions: Annotated[list[Action], Field(max_length=50)] = Field(default_factory=list)
    duration_seconds: int | None = Field(None, ge=0, le=86_400)


@router.post("/v1/joint-calls", dependencies=[allow(*ACCOUNT_KEEPERS)], status_code=201)
async def request_call_route(cmd: RequestCall, tx: Tx, caller: Caller) -> JointCallOut:
    case = await CaseFile.get(cmd.case_id, tx)
    if case.account_id is None or not caller.may_see(case.account_id):
        raise NotFound("case", cmd.case_id)
    case.takes_commands()
    partner = await Partner.get(cmd.partner_id, tx)
    engagement = await Engagement.find(cmd.engagement_id, tx) if cmd.engagement_id else None
    if cmd.engagement_id and (
        engagement is None or (engagement.case_id, engagement.partner_id) != (cmd.case_id, partner.id)
    ):
        raise NotOfThisCase("This case has no such engagement with this partner.")
    call = JointCall(
        id=new_id(), account_id=case.account_id, number=await tx.next_number("JC"), case_id=case.id,
        engagement_id=cmd.engagement_id, diagnosis_id=engagement.diagnosis_id if engagement else None,
        partner_id=partner.id, partner_name=partner.name, purpose=cmd.purpose, proposed=cmd.proposed,
        time_zone=case.time_zone, participants=[], actions=[], created_at=tx.now,
        history=[CallStep(state="requested", at=tx.now, by=caller.scope.actor, reason="asked for")],
    )  # fmt: skip
    tx.add(call)
    tx.emit(
        JointCallRequested(
            **call.ids, purpose=call.purpose, proposed=call.proposed, by=caller.scope.actor,
            by_role=cast("Role", caller.role), requested_at=tx.now,
        )
    )  # fmt: skip
    return JointCallOut.model_validate(call)


@router.post("/v1/joint-calls/{call_id}/schedule", dependencies=[allow(*ENGINEERS)])
async def schedule_call_route(call_id: UUID, cmd: ScheduleCall, tx: Tx, caller: Caller) -> JointCallOut:
    """Invites the customer's contact and the partner's level, besides whoever is named."""
    call = await call_for(caller, call_id, tx, lock=True)
    case = await CaseFile.get(call.case_id, tx)
    case.takes_commands()
    call.to("scheduled", tx, cmd.reason)
    partner = await Partner.get(call.partner_id, tx)
    if cmd.level and cmd.level > len(partner.procedure):
        raise NotALevel("The partner's procedure has no such level.", levels=len(partner.procedure))
    call.window, call.join_url, call.level = cmd.window, cmd.join_url or call.join_url, cmd.level
    call.time_zone = cmd.time_zone or case.time_zone
    call.participants = [*cmd.participants] or _invited(case, partner, cmd.level, caller.name)
    call.sequence += 1
    tx.emit(
        JointCallScheduled(
            **call.ids, window=call.window, time_zone=call.time_zone, join_url=call.join_url,
            calendar_url=call.calendar_path, sequence=call.sequence, level=call.level, participants=call.participants,
            by=caller.scope.actor, scheduled_at=tx.now,
        )
    )  # fmt: skip
    return JointCallOut.model_validate(call)


def _invited(case: CaseFile, partner: Partner, level: int | None, engineer: str) -> list[CallParticipant]:
    contact = case.coverage.contact if case.coverage else None
    theirs = partner.procedure[level - 1].contact if level else partner.contact
    return [
        *([CallParticipant(side="customer", name=contact.name, email=contact.email)] if contact else []),
        CallParticipant(side="partner", name=theirs.name, email=theirs.email),
        CallParticipant(side="support", name=engineer),
    ]


@router.post("/v1/joint-calls/{call_id}/held", dependencies=[allow(*ENGINEERS)])
async def record_call_route(call_id: UUID, cmd: RecordCall, tx: Tx, caller: Caller) -> JointCallOut:
    """The outcome, and who does what."""
    call = await call_for(caller, call_id, tx, lock=True)
    call.to("held", tx, "held")
    call.outcome, call.actions, call.duration_seconds = cmd.outcome, [*cmd.actions], cmd.duration_seconds
    tx.emit(
        JointCallHeld(
            **call.ids, outcome=cmd.outcome, actions=call.actions, duration_seconds=call.duration_seconds,
            by=caller.scope.actor, held_at=tx.now,
        )
    )  # fmt: skip
    return JointCallOut.model_validate(call)
