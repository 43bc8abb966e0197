"""Every move of both machines, allowed and forbidden."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.kit.states import ForbiddenTransition
from services.onsite.model import appointment as appointments
from services.onsite.model import work_order as work_orders
from services.onsite.model.appointment import Appointment
from services.onsite.model.work_order import WorkOrder
from services.onsite.tests.builders import ACCOUNT, AN, CASE, DIAGNOSIS, MONDAY, ORDER, an_id
from tests.support.moves import after, moves, no_moves

WORK_ORDER = """
open → planned
planned → open | in_progress
in_progress → open | completed | unable_to_complete
open | planned → cancelled
"""
APPOINTMENT = """
confirmed → en_route | missed
en_route → in_progress | confirmed
in_progress → completed | failed
confirmed | en_route → cancelled
"""


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


@pytest.mark.parametrize(("state", "to"), moves(WORK_ORDER))
def test_a_work_order_goes_where_it_may_and_keeps_who_when_why(state: Any, to: Any) -> None:
    order = an_order(state)

    order.become(to, at=MONDAY, by="engineer:1", reason="because")

    assert order.state == to
    assert order.history[-1].model_dump() == {"state": to, "at": MONDAY, "by": "engineer:1", "reason": "because"}


@pytest.mark.parametrize(("state", "to"), no_moves(WORK_ORDER))
def test_a_work_order_goes_nowhere_else_and_says_where_it_may(state: Any, to: Any) -> None:
    order = an_order(state)

    with pytest.raises(ForbiddenTransition) as refused:
        order.become(to, at=MONDAY, by="engineer:1")

    assert (order.state, order.history) == (state, [])
    assert refused.value.extra["possible"] == after(WORK_ORDER, state)


@pytest.mark.parametrize(("state", "to"), moves(APPOINTMENT))
def test_an_appointment_goes_where_it_may_and_keeps_who_when_why(state: Any, to: Any) -> None:
    appointment = an_appointment(state)

    appointment.become(to, at=MONDAY, by="technician:1", reason="because")

    assert appointment.state == to
    assert appointment.history[-1].model_dump() == {
        "state": to,
        "at": MONDAY,
        "by": "technician:1",
        "reason": "because",
    }


@pytest.mark.parametrize(("state", "to"), no_moves(APPOINTMENT))
def test_an_appointment_goes_nowhere_else_and_says_where_it_may(state: Any, to: Any) -> None:
    appointment = an_appointment(state)

    with pytest.raises(ForbiddenTransition) as refused:
        appointment.become(to, at=MONDAY, by="technician:1")

    assert (appointment.state, appointment.history) == (state, [])
    assert refused.value.extra["possible"] == after(APPOINTMENT, state)


@pytest.mark.parametrize("machine", [work_orders.machine, appointments.machine], ids=["work order", "appointment"])
def test_the_readme_draws_the_machine_as_it_is(machine: Any) -> None:
    assert machine.mermaid() in (Path(__file__).parents[1] / "README.md").read_text("utf-8")
