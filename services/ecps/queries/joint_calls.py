"""Reads: joint calls, and their invitations."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, Field

from libs.events.values import Instant, Window
from libs.kit.auth import CASE_READERS, Principal
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from libs.kit.people import Unnamed, unnamed
from libs.kit.problems import Conflict
from libs.kit.rows import visible
from libs.kit.settings import setting
from libs.store import Transaction
from services.ecps.model.joint_call import CallAction, CallChange, CallState, JointCall, call_machine
from services.ecps.model.participant import CALLED, NamedParticipant
from services.ecps.model.people import Known, KnownContact, KnownPerson
from services.ecps.queries.access import calls_visible_to

router = Router(tags=["joint calls"])


class NotScheduledYet(Conflict):
    """An invitation needs a time."""


class ActionOut(BaseModel):
    """`owner`: a side, or somebody's name; of a contact or person, who has an `owner_id`, the name of now."""

    what: str
    owner: str | None
    owner_id: UUID | None
    state: Unnamed | None = None
    due: date | None


class JointCallOut(Out):
    """A cloud partner reads which side joins, and of the other sides no name."""

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
    participants: list[NamedParticipant]
    sequence: int
    outcome: str | None
    actions: list[ActionOut]
    duration_seconds: int | None
    history: list[CallChange]
    created_at: datetime


async def shown(call: JointCall, caller: Principal, tx: Transaction) -> JointCallOut:
    """The call as this caller reads it, with the names of now."""
    known = await known_of([call], tx)
    joining = _joining(call, caller, known)
    actions = [_action(each, caller, known) for each in call.actions]
    return JointCallOut.model_validate({**vars(call), "participants": joining, "actions": actions})


async def known_of(calls: Sequence[JointCall], tx: Transaction) -> dict[UUID, Known]:
    """The contacts and people whom these calls name, as far as they are known."""
    ids = sorted({id for call in calls for id in call.names})
    found: list[Known | None] = [*await tx.find_many(KnownContact, ids), *await tx.find_many(KnownPerson, ids)]
    return {each.id: each for each in found if each}


def _joining(call: JointCall, caller: Principal, known: Mapping[UUID, Known]) -> list[NamedParticipant]:
    joining = [NamedParticipant.of(each, known) for each in call.participants]
    return [each.as_a_side() for each in joining] if caller.role == "partner" else joining


def _action(action: CallAction, caller: Principal, known: Mapping[UUID, Known]) -> ActionOut:
    id = action.owner_id
    if id is None:
        return ActionOut(what=action.what, owner=action.owner, owner_id=None, due=action.due)
    who = known.get(id)
    owner = who.called if who else None
    if owner and caller.role == "partner":
        owner = CALLED["customer" if isinstance(who, KnownContact) else "support"]
    return ActionOut(what=action.what, owner=owner, owner_id=id, state=unnamed(who), due=action.due)


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

    async def out(call: JointCall) -> JointCallOut:
        return await shown(call, caller, tx)

    async def people(calls: Sequence[JointCall]) -> None:
        await known_of(calls, tx)

    return await listed(tx, JointCall, asked, calls_visible_to(caller), out=out, beside=people)


@router.get("/v1/joint-calls/{call_id}", dependencies=[allow(*CASE_READERS)])
async def get_joint_call_route(call_id: UUID, tx: Tx, caller: Caller) -> JointCallOut:
    """One call: when, who takes part, and what came of it."""
    return await shown(await call_for(caller, call_id, tx), caller, tx)


@router.get(
    "/v1/joint-calls/{call_id}/calendar.ics",
    dependencies=[allow(*CASE_READERS)],
    response_class=Response,
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}},
)
async def get_joint_call_calendar_route(call_id: UUID, tx: Tx, caller: Caller) -> Response:
    """The invitation, in the customer's time zone (RFC 5545); of a cancelled call what takes it back."""
    call = await call_for(caller, call_id, tx)
    organizer = setting("CALLS_ORGANIZER", "support@polyplus.example")
    invitation = call.invitation(_joining(call, caller, await known_of([call], tx)), organizer)
    if invitation is None:
        raise NotScheduledYet("The call has no time yet.", state=call.state, possible=call_machine.possible(call.state))
    return Response(invitation, media_type="text/calendar; charset=utf-8")
