"""Where nobody is at the site any more when a visit is booked, it moves."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.store import Transaction
from services.onsite.model.case_file import SITE_CLOSED, CaseFile
from services.onsite.model.technician import Booking
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.locked_visit import visit_of
from services.onsite.reactions.act_on_case import act_on_visit


async def note_calendars(_ids: Sequence[UUID], tx: Transaction) -> None:
    """The calendar of a country or region is another: each coming visit is looked at by a timer of its case."""
    await _doubt(tx)


async def note_site_days(ids: Sequence[UUID], tx: Transaction) -> None:
    """So are those to sites that have other closed days."""
    there = sa.cast(CaseFile.c.coverage["site"]["site_id"].astext, sa.Uuid()).in_(ids)
    await _doubt(tx, WorkOrder.c.case_id.in_(sa.select(CaseFile.c.id).where(there)))


async def _doubt(tx: Transaction, *which: sa.ColumnElement[bool]) -> None:
    coming = sa.select(Booking.c.work_order_id).where(Booking.c.ends > tx.now)
    for order in await tx.select(WorkOrder, WorkOrder.c.id.in_(coming), *which):
        tx.set_timer(await CaseFile.get(order.case_id, tx), f"{SITE_CLOSED}:{order.id}", tx.now)


async def look_again(case: CaseFile, tx: Transaction, work_order_id: str) -> None:
    """It stays where the site is still open then."""
    visit = await visit_of(await WorkOrder.get(UUID(work_order_id), tx, lock=True), case, tx)
    if visit.appointment is not None and visit.appointment.state == "confirmed":
        await act_on_visit(visit, tx, at=tx.now, doubt="site_closed")
