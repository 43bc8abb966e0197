"""Who is given cases, and what each of them says of whether they are there."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Response
from pydantic import Field

from libs.events.values import Language
from libs.kit.auth import ENGINEERS, MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.people import must_exist
from libs.kit.twins import ThereAlready
from libs.store import Transaction
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.known_person import KnownPerson
from services.escalation.model.layer import When
from services.escalation.queries.desk_members import DeskMemberOut, member_of, member_out
from services.escalation.reactions.follow_desk import desk_changed
from services.escalation.use_cases.keep_overrides import NotAStretch

router = Router(tags=["people"])
_LONGEST = timedelta(days=60)


class DeskMemberFields(Command):
    queues: Annotated[list[Line], Field(max_length=50, description="they are given what stands in these")]
    families: Annotated[list[Line], Field(max_length=50, description="none: all")] = Field(default_factory=list)
    languages: Annotated[list[Language], Field(max_length=10, description="none: all")] = Field(default_factory=list)
    hours: CalendarData = Field(description="their shift, on the clock where they are")
    capacity: Annotated[int, Field(ge=0, le=1000)] | None = Field(None, description="null: as the policy says")


class AddDeskMember(New, DeskMemberFields):
    """Somebody of ours is given cases from now on, once they say that they are there."""

    person_id: UUID


class ChangeDeskMember(Patch, DeskMemberFields):
    active: bool


class SayPresence(Command):
    """One's own. Available until then: off afterwards; away or off until then: available again."""

    presence: Literal["available", "away", "off"]
    until: When | None = None


async def _takes_cases(person_id: UUID, tx: Transaction) -> None:
    await must_exist(KnownPerson, [person_id], tx, consumer="escalation", roles=ENGINEERS)


@router.post("/v1/desk-members", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_desk_member_route(cmd: AddDeskMember, tx: Tx, response: Response) -> DeskMemberOut:
    await _takes_cases(cmd.person_id, tx)
    if twin := await tx.first(DeskMember, DeskMember.c.person_id == cmd.person_id):
        raise ThereAlready("They are at the desk already: change what is kept of them.", id=str(twin.id))
    member = cmd.make(DeskMember, tx, since=tx.now)
    response.headers["location"] = f"/v1/desk-members/{member.id}"
    return await member_out(member, tx)


@router.patch("/v1/desk-members/{member_id}", dependencies=[allow(*MANAGERS)])
async def change_desk_member_route(member_id: UUID, cmd: ChangeDeskMember, tx: Tx) -> DeskMemberOut:
    """Their open cases are looked at with the new hours."""
    if cmd.active:
        await _takes_cases((await DeskMember.get(member_id, tx)).person_id, tx)
    member = await DeskMember.get(member_id, tx, lock=True)
    before = list(member.queues)
    changed = cmd.apply_to(member)
    await desk_changed(member, tx, hours=bool({"hours", "active"} & {*changed}), queues=before)
    return await member_out(member, tx)


@router.post("/v1/presence", dependencies=[allow(*ENGINEERS)])
async def say_presence_route(cmd: SayPresence, tx: Tx, caller: Caller) -> DeskMemberOut:
    """Whether one is there now. Who is not available is given nothing."""
    member = await member_of(caller, tx, lock=True)
    if cmd.until and not tx.now < cmd.until <= tx.now + _LONGEST:
        raise NotAStretch(f"It ends in time to come, within {_LONGEST.days} days.", field="until")
    member.say(cmd.presence, cmd.until, tx.now)
    await desk_changed(member, tx)
    return await member_out(member, tx)
