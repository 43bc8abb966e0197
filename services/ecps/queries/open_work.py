"""Which calls to come a contact joins, or a person of ours."""

from uuid import UUID

from libs.kit.listing import contains
from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.ecps.model.joint_call import JointCall


async def calls_to_come_with(contact_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Asked for or planned, and not held yet."""
    return await _to_come({"contact_id": str(contact_id)}, tx)


async def calls_to_come_with_our(person_id: UUID, tx: Transaction) -> list[OpenWork]:
    """The same of a person."""
    return await _to_come({"person_id": str(person_id)}, tx)


async def _to_come(who: dict[str, str], tx: Transaction) -> list[OpenWork]:
    joins = contains(JointCall.c.participants, [who])
    calls = await tx.select(JointCall, JointCall.c.state.in_(("requested", "scheduled")), joins, limit=MOST)
    return [OpenWork(what="joint call", id=c.id, number=c.number, case_id=c.case_id, state=c.state) for c in calls]
