"""Every transition of both machines, allowed and forbidden."""

from datetime import timedelta
from typing import Any

import pytest

from libs.kit.states import ForbiddenTransition
from services.onsite.model.appointment import APPOINTMENT, Appointment
from services.onsite.model.work_order import WORK_ORDER, WorkOrder
from services.onsite.tests.builders import ACCOUNT, AN, CASE, DIAGNOSIS, MONDAY, ORDER, an_id


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


@pytest.mark.parametrize(("state", "to"), WORK_ORDER.allowed_pairs())
def test_a_work_order_goes_where_its_machine_allows_and_keeps_who_when_why(state: Any, to: Any) -> None:
    order = an_order(state)

    order.become(to, at=MONDAY, by="engineer:1", reason="because")

    assert order.state == to
    assert order.history[-1].model_dump() == {"state": to, "at": MONDAY, "by": "engineer:1", "reason": "because"}


@pytest.mark.parametrize(("state", "to"), WORK_ORDER.forbidden_pairs())
def test_a_work_order_goes_nowhere_else(state: Any, to: Any) -> None:
    order = an_order(state)

    with pytest.raises(ForbiddenTransition) as refused:
        order.become(to, at=MONDAY, by="engineer:1")

    assert order.state == state
    assert refused.value.extra["possible"] == WORK_ORDER.possible(state)


@pytest.mark.parametrize(("state", "to"), APPOINTMENT.allowed_pairs())
def test_an_appointment_goes_where_its_machine_allows(state: Any, to: Any) -> None:
    appointment = an_appointment(state)

    appointment.become(to, at=MONDAY, by="technician:1")

    assert appointment.state == appointment.history[-1].state == to


@pytest.mark.parametrize(("state", "to"), APPOINTMENT.forbidden_pairs())
def test_an_appointment_goes_nowhere_else(state: Any, to: Any) -> None:
    with pytest.raises(ForbiddenTransition):
        an_appointment(state).become(to, at=MONDAY, by="technician:1")
