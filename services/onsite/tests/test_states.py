"""Every move of both machines, allowed and forbidden."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.kit.states import ForbiddenTransition
from services.onsite.model import appointment as appointments
from services.onsite.model import work_order as work_orders
from services.onsite.model.appointment import Appointment, AppointmentState
from services.onsite.model.work_order import WorkOrder, WorkOrderState
from services.onsite.tests.builders import ACCOUNT, AN, CASE, DIAGNOSIS, MONDAY, ORDER, an_id

WORK_ORDER: dict[WorkOrderState, set[WorkOrderState]] = {
    "open": {"planned", "cancelled"},
    "planned": {"open", "in_progress", "cancelled"},
    "in_progress": {"open", "completed", "unable_to_complete"},
    "completed": set(),
    "unable_to_complete": set(),
    "cancelled": set(),
}
APPOINTMENT: dict[AppointmentState, set[AppointmentState]] = {
    "confirmed": {"en_route", "missed", "cancelled"},
    "en_route": {"confirmed", "in_progress", "cancelled"},
    "in_progress": {"completed", "failed"},
    "completed": set(),
    "failed": set(),
    "missed": {"confirmed"},
    "cancelled": set(),
}


def allowed(moves: Any) -> list[tuple[Any, Any]]:
    return [(state, to) for state in moves for to in sorted(moves[state])]


def forbidden(moves: Any) -> list[tuple[Any, Any]]:
    return [(state, to) for state in moves for to in moves if to not in moves[state]]


def an_order(state: Any) -> WorkOrder:
    return WorkOrder(
        id=ORDER,
        account_id=ACCOUNT,
        case_id=CASE,
        diagnosis_id=DIAGNOSIS,
        number="WO-2026-000001",
        state=state,
        component="camera",
        part_number=None,
        product_number=None,
        serial=None,
        family=None,
        skills=[],
        unusable=[],
        opened_at=MONDAY,
        history=[],
    )


def an_appointment(state: Any) -> Appointment:
    return Appointment(
        id=an_id("appointment"),
        account_id=ACCOUNT,
        work_order_id=ORDER,
        case_id=CASE,
        technician_id=AN,
        technician_name="An",
        made=1,
        state=state,
        starts=MONDAY,
        window_ends=MONDAY + timedelta(hours=1),
        ends=MONDAY + timedelta(hours=2),
        leaves_at=MONDAY,
        time_zone="UTC",
        chosen_by="policy",
        parts_by=MONDAY,
        steps=[],
        installed=[],
        sign_offs={},
        history=[],
    )


@pytest.mark.parametrize(("state", "to"), allowed(WORK_ORDER))
def test_a_work_order_goes_where_it_may_and_keeps_who_when_why(state: Any, to: Any) -> None:
    order = an_order(state)

    order.become(to, at=MONDAY, by="engineer:1", reason="because")

    assert order.state == to
    assert order.history[-1].model_dump() == {
        "state": to,
        "at": MONDAY,
        "by": "engineer:1",
        "reason": "because",
        "recorded_at": None,
    }


@pytest.mark.parametrize(("state", "to"), forbidden(WORK_ORDER))
def test_a_work_order_goes_nowhere_else_and_says_where_it_may(state: Any, to: Any) -> None:
    order = an_order(state)

    with pytest.raises(ForbiddenTransition) as refused:
        order.become(to, at=MONDAY, by="engineer:1")

    assert (order.state, order.history) == (state, [])
    assert refused.value.extra["possible"] == sorted(WORK_ORDER[state])


@pytest.mark.parametrize(("state", "to"), allowed(APPOINTMENT))
def test_an_appointment_goes_where_it_may_and_keeps_who_when_why(state: Any, to: Any) -> None:
    appointment = an_appointment(state)

    appointment.become(to, at=MONDAY, by="technician:1", reason="because")

    assert appointment.state == to
    assert appointment.history[-1].model_dump() == {
        "state": to,
        "at": MONDAY,
        "by": "technician:1",
        "reason": "because",
        "recorded_at": None,
    }


@pytest.mark.parametrize(("state", "to"), forbidden(APPOINTMENT))
def test_an_appointment_goes_nowhere_else_and_says_where_it_may(state: Any, to: Any) -> None:
    appointment = an_appointment(state)

    with pytest.raises(ForbiddenTransition) as refused:
        appointment.become(to, at=MONDAY, by="technician:1")

    assert (appointment.state, appointment.history) == (state, [])
    assert refused.value.extra["possible"] == sorted(APPOINTMENT[state])


@pytest.mark.parametrize(
    ("machine", "moves"),
    [(work_orders.machine, WORK_ORDER), (appointments.machine, APPOINTMENT)],
    ids=["work order", "appointment"],
)
def test_the_readme_draws_the_machine_as_it_is(machine: Any, moves: Any) -> None:
    assert machine.states == set(moves)
    assert machine.mermaid() in (Path(__file__).parents[1] / "README.md").read_text("utf-8")
