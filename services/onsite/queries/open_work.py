"""Which visits to a contact, or of a technician who is this person, are to come or under way."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.case_file import CaseFile, whose_contact_is
from services.onsite.model.technician import Technician
from services.onsite.model.work_order import WorkOrder

_NOT_OVER = ("confirmed", "en_route", "in_progress")


async def visits_to(contact_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Work orders that are planned or being worked on, and whose technician asks for the contact."""
    cases = sa.select(CaseFile.c.id).where(whose_contact_is(contact_id))
    booked = (WorkOrder.c.case_id.in_(cases), WorkOrder.c.state.in_(("planned", "in_progress")))
    return _open(await tx.select(WorkOrder, *booked, limit=MOST))


async def visits_by(person_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Work orders with an appointment of theirs that is not over."""
    theirs = Appointment.c.technician_id.in_(sa.select(Technician.c.id).where(Technician.c.person_id == person_id))
    coming = sa.select(Appointment.c.work_order_id).where(theirs, Appointment.c.state.in_(_NOT_OVER))
    return _open(await tx.select(WorkOrder, WorkOrder.c.id.in_(coming), limit=MOST))


def _open(orders: Sequence[WorkOrder]) -> list[OpenWork]:
    return [OpenWork(what="work order", id=o.id, number=o.number, case_id=o.case_id, state=o.state) for o in orders]
