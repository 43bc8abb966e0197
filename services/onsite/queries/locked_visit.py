"""The rows of one visit, locked in the one order that everybody keeps: case file, work order, appointment."""

from typing import NamedTuple
from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.problems import Forbidden
from libs.kit.rows import visible
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.case_file import CaseFile
from services.onsite.model.work_order import NoVisit, WorkOrder
from services.onsite.queries.access import visible_to


class VisitAtHand(NamedTuple):
    file: CaseFile
    order: WorkOrder
    # the active one
    appointment: Appointment | None

    def booked(self) -> Appointment:
        """Raises NoVisit, or ForbiddenTransition for a work order that has ended."""
        if self.appointment is None:
            self.order.may("in_progress" if self.order.state != "open" else "planned")
            raise NoVisit("No visit is booked.", state=self.order.state, possible=["slots", "book"])
        return self.appointment


async def visit_of(order: WorkOrder, file: CaseFile, tx: Transaction) -> VisitAtHand:
    """For a work order and its case file that are locked already."""
    appointment = None
    if order.appointment_id is not None:
        appointment = await Appointment.get(order.appointment_id, tx, lock=True)
    return VisitAtHand(file, order, appointment)


async def lock_visit(work_order_id: UUID, tx: Transaction, caller: Principal | None = None) -> VisitAtHand:
    """For a command. Raises NotFound, also for one that the caller does not see; CaseClosedToCommands; NotYourVisit."""
    seen = await visible(WorkOrder, work_order_id, visible_to(caller, WorkOrder) if caller else [], tx)
    file = await CaseFile.get(seen.case_id, tx, lock=True)
    order = await WorkOrder.get(work_order_id, tx, lock=True)
    if caller is None:
        return await visit_of(order, file, tx)
    file.must_take_commands(order.state)
    visit = await visit_of(order, file, tx)
    if caller.role == "technician":
        if visit.appointment is None:
            raise Forbidden("A technician may act on a visit of their own; none is booked here.")
        visit.appointment.must_be_of(caller.technician_id)
    return visit
