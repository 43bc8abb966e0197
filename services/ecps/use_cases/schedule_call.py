"""Give a joint call its time, or move it; whoever takes part is invited (S10)."""

from collections.abc import Sequence
from typing import Annotated, Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field, model_validator

from libs.events.ecps_calls import JointCallScheduled
from libs.kit.auth import ENGINEERS, Principal
from libs.kit.fields import Line, Reason, Url, Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.fields import Span
from services.ecps.model.joint_call import JointCall, NoSuchParticipant, invited, must_be_to_come
from services.ecps.model.participant import CallParticipant
from services.ecps.model.partner import Partner
from services.ecps.model.people import KnownContact, KnownPerson
from services.ecps.queries.joint_calls import JointCallOut, call_for, shown
from services.ecps.reactions.forget_people import forget_later

router = Router(tags=["joint calls"])


class Participant(CallParticipant):
    """A contact of the account's or a person of ours by id, or somebody by name. Who is typed with a contact's e-mail address is that
    contact."""

    name: Line | None = None
    email: Line | None = None

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if not (self.id or self.name):
            raise ValueError("a participant has a contact_id, a person_id or a name")
        return self


class ScheduleCall(Command):
    """Again for a call that moves: what is left out stays as it was agreed on. The first time, without a `time_zone` the times are shown
    in the site's; without `participants`, the customer's contact and the partner's `level` are invited, or the partner's contact.
    """

    window: Span
    time_zone: Zone | None = None
    join_url: Url | None = None
    level: int | None = Field(None, ge=1, le=10)
    participants: Annotated[list[Participant], Field(max_length=50)] = Field(default_factory=list)
    reason: Reason = "agreed"


async def schedule_call(call: JointCall, cmd: ScheduleCall, engineer: Principal, tx: Transaction) -> JointCall:
    """For a locked call. Raises CaseClosedToCommands, TimeIsPast, ForbiddenTransition, NotALevel, NoSuchParticipant."""
    must_be_to_come([cmd.window], tx.now, "window")
    case = await CaseFile.get(call.case_id, tx)
    case.must_take_commands()
    call.become("scheduled", tx, cmd.reason)
    partner = await Partner.get(call.partner_id, tx)
    ours = {"person_id": engineer.person_id} if engineer.person_id else {"name": engineer.name}
    usual = invited(case, partner, cmd.level, CallParticipant(side="support", **ours))
    named = await by_ids(cmd.participants, case, call.account_id, tx)
    moves = call.window is not None
    call.time_zone = cmd.time_zone or (call.time_zone if moves else case.time_zone)
    call.participants = named or (call.participants if moves and not cmd.level else usual)
    call.level = cmd.level or (call.level if moves else None)
    call.window, call.join_url = cmd.window, cmd.join_url or call.join_url
    call.sequence += 1
    await forget_later(call, tx)
    tx.emit(
        JointCallScheduled(
            **call.facts(),
            window=call.window,
            time_zone=call.time_zone,
            calendar_url=call.calendar_path,
            sequence=call.sequence,
            revision=told_revision(call, tx),
            level=call.level,
            by=tx.scope.actor,
            scheduled_at=tx.now,
        )
    )
    return call


def told_revision(call: JointCall, tx: Transaction) -> int:
    """That of the record on the state topic that tells what this transaction makes of the call."""
    revision: int = tx.as_flushed(call.id)["revision"]
    return revision + 1


async def by_ids(
    named: Sequence[CallParticipant], case: CaseFile, account_id: UUID, tx: Transaction
) -> list[CallParticipant]:
    """These, of contacts and people the ids alone. Raises NoSuchParticipant for a contact that the account has not, and for a person who
    does not work here."""
    emails = [each.email.casefold() for each in named if each.email]
    ids = [each.contact_id for each in named if each.contact_id]
    asked = sa.or_(KnownContact.c.id.in_(ids), sa.func.lower(KnownContact.c.email).in_(emails))
    known = await tx.select(KnownContact, KnownContact.c.account_id == account_id, asked)
    people = await tx.find_many(KnownPerson, [each.person_id for each in named if each.person_id])
    by_email = {each.email.casefold(): each.id for each in known if each.email}
    there = {each.id for each in known} | {each.id for each in people if each and each.active}
    there |= {case.coverage.contact_id} if case.coverage and case.coverage.contact_id else set()
    kept = []
    for each in named:
        contact_id = each.contact_id or (by_email.get(each.email.casefold()) if each.email else None)
        person_id = None if contact_id else each.person_id
        id = contact_id or person_id
        if id and id not in there:
            raise NoSuchParticipant("There is nobody of this id who could join.", field="participants", id=str(id))
        kept.append(CallParticipant(side=each.side, contact_id=contact_id, person_id=person_id) if id else each)
    return kept


@router.post("/v1/joint-calls/{call_id}/schedule", dependencies=[allow(*ENGINEERS)])
async def schedule_call_route(call_id: UUID, cmd: ScheduleCall, tx: Tx, caller: Caller) -> JointCallOut:
    """Invites the customer's contact and the partner's level, besides whoever is named."""
    call = await call_for(caller, call_id, tx, lock=True)
    return await shown(await schedule_call(call, cmd, caller, tx), caller, tx)
