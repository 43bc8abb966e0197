"""The rows of one visit, locked in the one order that everybody keeps: case file, work order, appointment."""

from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.problems import Forbidden
from libs.kit.rows import visible
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.case_file import CaseFile
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import WorkOrder
from services.onsite.queries.access import COMMANDS, Command, visible_to


async def visit_of(order: WorkOrder, case: CaseFile, tx: Transaction, *, lock: bool = True) -> LockedVisit:
    """Locks the appointment of a work order that is locked already, as its case file is; or reads all three."""
    appointment = None
    if order.appointment_id is not None:
        appointment = await Appointment.get(order.appointment_id, tx, lock=lock)
    return LockedVisit(case, order, appointment, tx.now)


async def lock_visit(work_order_id: UUID, tx: Transaction) -> LockedVisit:
    """For the service itself. Raises NotFound."""
    seen = await WorkOrder.get(work_order_id, tx)
    case = await CaseFile.get(seen.case_id, tx, lock=True)
    return await visit_of(await WorkOrder.get(work_order_id, tx, lock=True), case, tx)


async def visit_for(caller: Principal, work_order_id: UUID, tx: Transaction, command: Command) -> LockedVisit:
    """For a command of `caller`, which the visit has to take.

    Raises NotFound, also for a work order that the caller does not see; NotYourVisit; Forbidden; what `COMMANDS.permit` raises.
    """
    await visible(WorkOrder, work_order_id, visible_to(caller), tx)
    visit = await lock_visit(work_order_id, tx)
    if caller.role == "technician":
        visit.case.must_take_commands(visit.order.state)
        if visit.appointment is None:
            raise Forbidden("A technician may act on a visit of their own; none is booked here.")
        visit.appointment.must_be_of(caller.technician_id)
    COMMANDS.permit(command, caller.role, visit)
    return visit
