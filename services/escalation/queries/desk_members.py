"""Who is at the desk, whether they are there now, and what they carry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.events.values import Language
from libs.kit.auth import ENGINEERS, STAFF, Principal
from libs.kit.calendar import CalendarData
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, contains, listed, order
from libs.kit.paging import Page
from libs.kit.people import NamedPerson, PersonRequired
from libs.store import Transaction
from services.escalation.model.desk_member import Candidate, DeskMember, NotAtTheDesk, Presence, WhyNot
from services.escalation.model.settings import policies
from services.escalation.queries.desk import candidates
from services.escalation.queries.our_people import known

router = Router(tags=["people"])


class DeskMemberOut(Out):
    """`presence` is what holds now, `absent_until` when an absence is over; `unavailable` why they are given nothing now. `load` is what their
    open `cases` weigh, of `capacity`; `given_at` when one was last proposed to them."""

    id: UUID
    person: NamedPerson
    queues: list[str]
    families: list[str]
    languages: list[Language]
    hours: CalendarData
    active: bool
    presence: Presence
    since: datetime
    until: datetime | None
    in_hours: bool
    absent_until: datetime | None
    unavailable: WhyNot | None
    capacity: int
    load: int
    cases: int
    given_at: datetime | None
    created_at: datetime


async def members_out(members: Sequence[DeskMember], tx: Transaction) -> list[DeskMemberOut]:
    """In the order given."""
    names = await known((each.person_id for each in members), tx)
    found = await candidates(members, await policies.at(tx), tx)

    def out(each: Candidate) -> DeskMemberOut:
        member, at = each.member, tx.now
        holds = member.until if member.until and at < member.until else None
        now = {
            "person": NamedPerson.of(member.person_id, names),
            "presence": member.presence_at(at),
            "until": holds,
            "in_hours": member.in_hours(at),
            "absent_until": each.back_at,
            "unavailable": each.unavailable(at),
            "capacity": each.capacity,
            "load": each.load,
            "cases": each.cases,
            "given_at": each.given_at,
        }
        return DeskMemberOut.model_validate({**vars(member), **now})

    return [out(each) for each in found]


async def member_out(member: DeskMember, tx: Transaction) -> DeskMemberOut:
    return (await members_out([member], tx))[0]


async def member_of(caller: Principal, tx: Transaction, *, lock: bool = False) -> DeskMember:
    """The caller, as one who is given cases. Raises PersonRequired, NotAtTheDesk."""
    if caller.person_id is None:
        raise PersonRequired("A system is never there: a person says it of themselves.", field="person_id")
    member = await tx.first(DeskMember, DeskMember.c.person_id == caller.person_id, DeskMember.c.active, lock=lock)
    if member is None:
        raise NotAtTheDesk("You are not given cases here; a manager adds you to the desk.", possible=[])
    return member


class DeskMemberList(Listing):
    own = frozenset({"queue"})

    person_id: UUID | None = None
    queue: Word | None = Field(None, description="who is given what stands in it")
    active: bool | None = None
    sort: str = order("created_at")


@router.get("/v1/desk-members", dependencies=[allow(*STAFF)])
async def list_desk_members_route(tx: Tx, asked: Annotated[DeskMemberList, Query()]) -> Page[DeskMemberOut]:
    """Who is there now, and how loaded each is."""
    shown = dict[UUID, DeskMemberOut]()

    async def read(members: Sequence[DeskMember]) -> None:
        shown.update({each.id: each for each in await members_out(members, tx)})

    rows = [contains(DeskMember.c.queues, [asked.queue])] if asked.queue else []
    return await listed(tx, DeskMember, asked, rows, out=lambda member: shown[member.id], beside=read)


@router.get("/v1/desk-members/{member_id}", dependencies=[allow(*STAFF)])
async def get_desk_member_route(member_id: UUID, tx: Tx) -> DeskMemberOut:
    return await member_out(await DeskMember.get(member_id, tx), tx)


@router.get("/v1/presence", dependencies=[allow(*ENGINEERS)])
async def get_presence_route(tx: Tx, caller: Caller) -> DeskMemberOut:
    """One's own."""
    return await member_out(await member_of(caller, tx), tx)
