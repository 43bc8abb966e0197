"""Who sees which visit, and what they may do with it. All that hangs below a work order is seen with it."""

from collections.abc import Callable
from typing import Literal

import sqlalchemy as sa

from libs.kit.auth import Principal
from libs.kit.commands import Commands, Given
from libs.kit.rows import Rows, of_its_accounts
from services.onsite.model.appointment import COMING, Appointment
from services.onsite.model.technician import Technician
from services.onsite.model.visit import LockedVisit
from services.onsite.model.work_order import WorkOrder

Command = Literal[
    "book",
    "reschedule",
    "depart",
    "undo_depart",
    "running_late",
    "arrive",
    "check_in",
    "steps",
    "install",
    "sign_off",
    "fail",
    "cancel",
    "approve_software",
]


def visible_to(caller: Principal) -> Rows:
    """A technician sees the work orders of their visits."""
    if caller.role != "technician":
        return of_its_accounts(caller, WorkOrder.c.account_id)
    return [WorkOrder.c.id.in_(sa.select(Appointment.c.work_order_id).where(*visits_visible_to(caller)))]


def visits_visible_to(caller: Principal) -> Rows:
    """A technician sees their own, from the booking until some hours (policy) after the end."""
    c = Appointment.c
    if caller.role != "technician":
        return of_its_accounts(caller, c.account_id)
    in_time = sa.or_(c.state.in_(COMING), c.technicians_until > sa.func.app_now())
    return [c.technician_id == caller.technician_id, in_time]


def technicians_visible_to(caller: Principal) -> Rows:
    """A technician sees their own record."""
    return [Technician.c.id == caller.technician_id] if caller.role == "technician" else []


def _given(*roles: str, check: Callable[[LockedVisit], object]) -> Given[LockedVisit]:
    """While the case takes commands."""

    def both(visit: LockedVisit) -> None:
        visit.case.must_take_commands(visit.order.state)
        check(visit)

    return Given(frozenset(roles), both)


def _has_begun(visit: LockedVisit) -> None:
    visit.booked().must_have_begun(checked_in=False)


COMMANDS: Commands[Command, LockedVisit] = Commands(
    {
        "book": _given("customer", "engineer", "manager", check=LockedVisit.must_be_bookable),
        "reschedule": _given("customer", "engineer", "manager", "technician", check=LockedVisit.must_be_movable),
        "depart": _given("technician", "manager", check=LockedVisit.must_be_ready_to_depart),
        "undo_depart": _given(
            "technician", "manager", check=lambda visit: visit.booked().must_have_departed("confirmed")
        ),
        "running_late": _given("technician", "manager", check=LockedVisit.must_be_coming),
        "arrive": _given("technician", "manager", check=lambda visit: visit.booked().must_have_departed("in_progress")),
        "check_in": _given("technician", "engineer", "manager", check=_has_begun),
        "steps": _given("technician", "engineer", check=lambda visit: visit.booked().must_have_begun()),
        "install": _given("technician", check=LockedVisit.must_lack_a_part),
        "sign_off": _given("technician", "engineer", "manager", "customer", check=LockedVisit.must_be_done),
        "fail": _given("technician", "manager", check=_has_begun),
        "cancel": _given("customer", "engineer", "manager", check=LockedVisit.must_be_callable_off),
        "approve_software": _given("engineer", check=lambda visit: visit.order.must_not_have_ended()),
    }
)


def possible_for(caller: Principal, visit: LockedVisit) -> list[Command]:
    """What the caller can do now. A technician acts on a visit of their own alone."""
    if caller.role == "technician" and (
        visit.appointment is None or visit.appointment.technician_id != caller.technician_id
    ):
        return []
    return COMMANDS.possible(caller.role, visit)
