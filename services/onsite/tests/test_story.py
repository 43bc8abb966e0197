"""The visit of the story, from the diagnosis to the sign-off."""

from datetime import timedelta

import pytest

from libs.events.onsite import (
    TechnicianArrived,
    TechnicianDispatched,
    VisitCompleted,
    VisitScheduled,
    WorkOrderOpened,
)
from services.onsite.tests.builders import (
    AN,
    CONTACT,
    DIAGNOSIS,
    ORDER,
    PATH,
    RMA,
    WEDNESDAY,
    a_decision,
    a_diagnosis,
    a_planned_visit,
    a_reservation,
    a_technician,
    at_the_site,
    do,
    work_done,
)
from tests.support.harness import Harness


@pytest.mark.promise("S26", "S31")
async def test_the_earliest_visit_after_the_promised_part_is_booked_by_itself(onsite: Harness) -> None:
    await a_planned_visit(onsite)

    opened, scheduled = await onsite.events(WorkOrderOpened, VisitScheduled)
    assert isinstance(opened, WorkOrderOpened)
    assert isinstance(scheduled, VisitScheduled)
    assert (opened.diagnosis_id, opened.serial) == (DIAGNOSIS, "X70-1")
    assert scheduled.window.starts == WEDNESDAY
    assert (scheduled.technician_id, scheduled.chosen_by) == (AN, "policy")
    assert scheduled.time_zone == "Asia/Ho_Chi_Minh"
    order = (await onsite.get(PATH)).json()
    assert order["state"] == "planned"
    assert order["appointment"]["window"]["starts"] == "2026-03-04T02:00:00Z"


@pytest.mark.promise("S26", "S27")
async def test_the_visit_is_completed_when_support_and_the_contact_both_sign_off(onsite: Harness) -> None:
    await at_the_site(onsite)
    await work_done(onsite)

    half = await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    assert half["state"] == "in_progress"
    done = await do(onsite, "sign-off", {"side": "customer"})

    assert done["state"] == done["appointment"]["state"] == "completed"
    signed = done["appointment"]["sign_offs"]
    [completed] = await onsite.events(VisitCompleted)
    assert (completed.serials_in, completed.serials_out) == (["CAM-NEW"], ["CAM-OLD"])
    assert completed.installed[0].rma_id == RMA
    assert completed.signed_off_by == CONTACT
    assert f"engineer:{completed.verified_by}" == signed["support"]["by"]
    assert (signed["customer"]["name"], signed["support"]["name"]) == ("Ngọc", "the engineer")
    [left] = await onsite.events(TechnicianDispatched)
    [arrived] = await onsite.events(TechnicianArrived)
    assert arrived.in_window
    assert completed.arrived_at == arrived.arrived_at > left.departed_at
    assert [change["state"] for change in done["history"]] == ["open", "planned", "in_progress", "completed"]
    told = b"".join([row["data"] for row in await onsite.outbox()]).decode()
    assert [name for name in ('"An"', "Ngọc", "the engineer", "Lê Lợi") if name in told] == []
    await onsite.advance(timedelta(days=2))
    assert (await onsite.get(PATH)).json()["state"] == "completed"


async def test_the_same_diagnosis_told_twice_opens_one_work_order(onsite: Harness) -> None:
    await a_technician(onsite)
    twice = onsite.delivery(a_diagnosis())

    await onsite.deliver(twice, a_decision(), twice, a_reservation(), a_diagnosis())

    assert len(await onsite.events(WorkOrderOpened)) == 1
    assert [o["id"] for o in (await onsite.get("/v1/work-orders")).json()["items"]] == [str(ORDER)]
