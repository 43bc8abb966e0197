"""Which visits to a contact are to come or under way."""

from uuid import UUID

import sqlalchemy as sa

from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.onsite.model.case_file import CaseFile, whose_contact_is
from services.onsite.model.work_order import WorkOrder


async def visits_to(contact_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Work orders that are planned or being worked on, and whose technician asks for the contact."""
    cases = sa.select(CaseFile.c.id).where(whose_contact_is(contact_id))
    booked = (WorkOrder.c.case_id.in_(cases), WorkOrder.c.state.in_(("planned", "in_progress")))
    orders = await tx.select(WorkOrder, *booked, limit=MOST)
    return [OpenWork(what="work order", id=o.id, number=o.number, case_id=o.case_id, state=o.state) for o in orders]
