"""Who sees which visit. All that hangs below a work order is seen with it."""

from typing import Any

import sqlalchemy as sa

from libs.kit.auth import Principal
from libs.kit.rows import Rows, of_its_accounts
from services.onsite.model.appointment import COMING, Appointment
from services.onsite.model.technician import Technician
from services.onsite.model.work_order import WorkOrder


def visible_to(caller: Principal, cls: type[Any]) -> Rows:
    """A technician sees their own visits, from the booking until some hours (policy) after the end, the work orders of these, and
    their own record."""
    if caller.role != "technician":
        return [] if cls is Technician else of_its_accounts(caller, cls.c.account_id)
    c = Appointment.c
    in_time = sa.or_(c.state.in_(COMING), c.technicians_until > sa.func.app_now())
    theirs = [c.technician_id == caller.technician_id, in_time]
    return {
        Appointment: theirs,
        WorkOrder: [WorkOrder.c.id.in_(sa.select(c.work_order_id).where(*theirs))],
        Technician: [Technician.c.id == caller.technician_id],
    }[cls]
