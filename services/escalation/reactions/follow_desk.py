"""Somebody at the desk is there or not, works other hours or other queues: what waits may be theirs now."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.kit.people import successor_of
from libs.store import Transaction
from services.escalation.model.case_file import IDLE, CaseFile
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.known_person import KnownPerson
from services.escalation.queries.desk import theirs
from services.escalation.reactions.fill_queue import look_at


async def desk_changed(member: DeskMember, tx: Transaction, *, hours: bool = False, queues: Sequence[str] = ()) -> None:
    """Fills their queues, and those that were. With other `hours` the time in which they are to act is another too."""
    for queue in dict.fromkeys([*queues, *member.queues]):
        await look_at(queue, tx)
    if hours:
        for row in await tx.fetch(sa.select(CaseFile.c.id).where(*theirs([member.person_id]))):
            tx.set_timer(CaseFile(id=row["id"]), IDLE, tx.now)


async def leave_desk(member: DeskMember, tx: Transaction, _detail: str) -> None:
    """The timer of one who has left: what they have is passed on by cases, and the successor is given cases if a manager says so."""
    if await successor_of(KnownPerson, member.person_id, tx):
        member.active = False


async def absence_changed(person_id: UUID, tx: Transaction) -> None:
    """Who is back may be given what waits."""
    if member := await tx.first(DeskMember, DeskMember.c.person_id == person_id):
        await desk_changed(member, tx)
