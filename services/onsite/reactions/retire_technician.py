"""A technician has left us: nobody books them any more, and their coming visits are planned anew."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.store import Transaction
from services.onsite.model.case_file import VISIT_ANEW, CaseFile
from services.onsite.model.people import KnownPerson
from services.onsite.model.technician import RETIRE, Booking, Technician
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.locked_visit import visit_of
from services.onsite.reactions.act_on_case import act_on_visit


async def retire_later(ids: Sequence[UUID], tx: Transaction) -> None:
    """People are other than before: each technician who has left with a successor is retired by a timer of its own."""
    left = KnownPerson.c.id.in_(ids), KnownPerson.c.active.is_(False), KnownPerson.c.successor_id.is_not(None)
    theirs = Technician.c.person_id.in_(sa.select(KnownPerson.c.id).where(*left))
    for technician in await tx.select(Technician, theirs, Technician.c.active):
        tx.set_timer(technician, RETIRE, tx.now)


async def retire(technician: Technician, tx: Transaction, _detail: str) -> None:
    """Visits are locked before their technician: each is looked at by a timer of its case, once this one is inactive."""
    person = await tx.find(KnownPerson, technician.person_id) if technician.person_id else None
    if person is None or not (person.gone or person.active is False):
        return
    technician.active = False
    coming = await tx.select(Booking, Booking.c.technician_id == technician.id, Booking.c.ends > tx.now)
    for order in await tx.find_many(WorkOrder, [booking.work_order_id for booking in coming]):
        if order:
            tx.set_timer(await CaseFile.get(order.case_id, tx), f"{VISIT_ANEW}:{order.id}", tx.now)


async def plan_anew(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """Another one comes, or the visit waits for one."""
    visit = await visit_of(await WorkOrder.get(UUID(work_order_id), tx, lock=True), case, tx)
    if visit.appointment is not None and visit.appointment.state == "confirmed":
        await act_on_visit(visit, tx, at=tx.now, doubt="technician_changed")
