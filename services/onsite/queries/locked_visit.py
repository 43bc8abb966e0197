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


class LockedVisit(NamedTuple):
    """A work order with its case file and its active appointment, all of them locked."""

    case: CaseFile
    order: WorkOrder
    appointment: Appointment | None

    def booked(self) -> Appointment:
        """The active appointment. Raises NoVisit, or ForbiddenTransition for a work order that has ended."""
        if self.appointment is None:
            self.order.must_lead_to("in_progress" if self.order.state != "open" else "planned")
            raise NoVisit("No visit is booked.", state=self.order.state, possible=["slots", "book"])
        return self.appointment


async def visit_of(order: WorkOrder, case: CaseFile, tx: Transaction) -> LockedVisit:
    """Locks the appointment of a work order that is locked already, as its case file is."""
    appointment = None
    if order.appointment_id is not None:
        appointment = await Appointment.get(order.appointment_id, tx, lock=True)
    return LockedVisit(case, order, appointment)


async def lock_visit(work_order_id: UUID, tx: Transaction, caller: Principal | None = None) -> LockedVisit:
    """For a command of `caller`, or of the service itself.

    Raises NotFound, also for a work order that the caller does not see; CaseClosedToCommands; NotYourVisit; Forbidden.
    """
    seen = await visible(WorkOrder, work_order_id, visible_to(caller, WorkOrder) if caller else [], tx)
    case = await CaseFile.get(seen.case_id, tx, lock=True)
    order = await WorkOrder.get(work_order_id, tx, lock=True)
    if caller is None:
        return await visit_of(order, case, tx)
    case.must_take_commands(order.state)
    visit = await visit_of(order, case, tx)
    if caller.role == "technician":
        if visit.appointment is None:
            raise Forbidden("A technician may act on a visit of their own; none is booked here.")
        visit.appointment.must_be_of(caller.technician_id)
    return visit
