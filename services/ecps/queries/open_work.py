"""Which calls to come a contact joins."""

from uuid import UUID

from libs.kit.listing import contains
from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.ecps.model.joint_call import JointCall


async def calls_to_come_with(contact_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Asked for or planned, and not held yet."""
    joins = contains(JointCall.c.participants, [{"contact_id": str(contact_id)}])
    calls = await tx.select(JointCall, JointCall.c.state.in_(("requested", "scheduled")), joins, limit=MOST)
    return [OpenWork(what="joint call", id=c.id, number=c.number, case_id=c.case_id, state=c.state) for c in calls]
