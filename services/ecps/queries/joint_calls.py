"""Reads: joint calls, and their invitations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from libs.events.values import Instant, Window
from libs.kit.auth import CASE_READERS, Principal
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from libs.kit.problems import Conflict
from libs.kit.rows import visible
from libs.store import Transaction
from services.ecps.model.joint_call import CallAction, CallChange, CallParticipant, CallState, JointCall, call_machine
from services.ecps.queries.access import calls_visible_to

router = Router(tags=["joint calls"])


class NotScheduledYet(Conflict):
    """An invitation needs a time."""


class JointCallOut(Out):
    id: UUID
    number: str
    account_id: UUID
    case_id: UUID
    engagement_id: UUID | None
    diagnosis_id: UUID | None
    partner_id: UUID
    partner_name: str
    state: CallState
    purpose: str
    proposed: list[Window]
    window: Window | None
    time_zone: str
    join_url: str | None
    level: int | None
    participants: list[CallParticipant]
    sequence: int
    outcome: str | None
    actions: list[CallAction]
    duration_seconds: int | None
    history: list[CallChange]
    created_at: datetime


async def call_for(caller: Principal, id: UUID, tx: Transaction, *, lock: bool = False) -> JointCall:
    """Raises NotFound for another's just as for none."""
    return await visible(JointCall, id, calls_visible_to(caller), tx, lock=lock)


class JointCallList(Listing):
    found_by: ClassVar[Sequence[str]] = ("number",)

    q: Word | None = Field(None, description="a call's number")
    case_id: UUID | None = None
    partner_id: UUID | None = None
    state: CallState | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    sort: str = order("-created_at")


@router.get("/v1/joint-calls", dependencies=[allow(*CASE_READERS)])
async def list_joint_calls_route(
    tx: Tx, caller: Caller, asked: Annotated[JointCallList, Query()]
) -> Page[JointCallOut]:
    """The newest first."""
    return await listed(tx, JointCall, asked, calls_visible_to(caller), out=JointCallOut.model_validate)


@router.get("/v1/joint-calls/{call_id}", dependencies=[allow(*CASE_READERS)])
async def get_joint_call_route(call_id: UUID, tx: Tx, caller: Caller) -> JointCallOut:
    """One call: when, who takes part, and what came of it."""
    return JointCallOut.model_validate(await call_for(caller, call_id, tx))


@router.get(
    "/v1/joint-calls/{call_id}/calendar.ics",
    dependencies=[allow(*CASE_READERS)],
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
)
async def get_joint_call_calendar_route(call_id: UUID, tx: Tx, caller: Caller) -> Response:
    """The invitation, in the customer's time zone (RFC 5545)."""
    call = await call_for(caller, call_id, tx)
    invitation = call.invitation()
    if invitation is None:
        raise NotScheduledYet("The call has no time yet.", state=call.state, possible=call_machine.possible(call.state))
    return Response(invitation, media_type="text/calendar; charset=utf-8")
