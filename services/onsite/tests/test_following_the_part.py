"""The visit follows its part: it moves, waits, comes back, and ends for good."""

from datetime import timedelta

import pytest

from libs.events import Event
from libs.events.onsite import (
    OnsiteNotCovered,
    VisitCancelled,
    VisitRescheduled,
    VisitScheduled,
    WorkOrderOpened,
)
from libs.events.rma import RmaCancelled, RmaDenied
from services.onsite.tests.builders import (
    CASE,
    DIAGNOSIS,
    MONDAY,
    PATH,
    PROMISED,
    RMA,
    WEDNESDAY,
    a_backorder,
    a_cancellation,
    a_dead_part,
    a_decision,
    a_delivery,
    a_diagnosis,
    a_loss,
    a_new_promise,
    a_place,
    a_planned_visit,
    a_reservation,
    a_shipment,
    a_site,
    a_technician,
    a_withdrawal,
    an_id,
    at_the_site,
    do,
    to_the_day,
)
from tests.support.harness import Harness

DAY = timedelta(days=1)


@pytest.mark.promise("S31")
async def test_a_later_promise_moves_the_visit_once(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    moved = onsite.delivery(a_new_promise(PROMISED + DAY))

    await onsite.deliver(moved, moved, a_shipment(promised_by=PROMISED + DAY))

    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.new is not None
    assert (rescheduled.old.starts, rescheduled.new.starts) == (WEDNESDAY, WEDNESDAY + DAY)
    assert (rescheduled.by_role, rescheduled.reason) == ("system", "promise_moved")
    items = (await onsite.get("/v1/appointments")).json()["items"]
    assert [a["state"] for a in items] == ["cancelled", "confirmed"]


@pytest.mark.promise("S31")
async def test_an_earlier_promise_moves_up_a_visit_whose_time_nobody_chose(onsite: Harness) -> None:
    await a_technician(onsite)
    await a_place(onsite)
    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation(promised_by=PROMISED + 2 * DAY))

    await onsite.deliver(a_new_promise(PROMISED))

    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.new is not None
    assert rescheduled.new.starts == WEDNESDAY


async def test_an_earlier_promise_leaves_a_visit_at_the_time_that_the_customer_chose(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await do(
        onsite, "reschedule", {"starts": (WEDNESDAY + DAY).isoformat(), "reason": "board meeting"}, role="engineer"
    )

    await onsite.deliver(a_new_promise(PROMISED - timedelta(hours=20)))

    assert len(await onsite.events(VisitRescheduled)) == 1


@pytest.mark.promise("S26", "S31")
@pytest.mark.parametrize(
    ("setback", "reason"),
    [
        (a_backorder(), "part_backordered"),
        (a_loss(), "part_lost"),
        (a_dead_part(), "part_dead_on_arrival"),
        (
            RmaDenied(
                rma_id=RMA,
                case_id=CASE,
                diagnosis_id=DIAGNOSIS,
                reason="no_part_fits",
                explanation="…",
                by="system",
                denied_at=MONDAY,
            ),
            "part_denied",
        ),
        (
            RmaCancelled(
                rma_id=RMA, case_id=CASE, diagnosis_id=DIAGNOSIS, reason="depot", by="depot", cancelled_at=MONDAY
            ),
            "part_cancelled",
        ),
    ],
)
async def test_the_visit_waits_when_its_part_does_not_come(onsite: Harness, setback: Event, reason: str) -> None:
    await a_planned_visit(onsite)

    await onsite.deliver(setback)

    [rescheduled] = await onsite.events(VisitRescheduled)
    assert (rescheduled.new, rescheduled.reason) == (None, reason)
    order = (await onsite.get(PATH)).json()
    assert (order["state"], order["waiting_for"]) == ("open", reason)
    async with onsite.transaction() as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM bookings") == 0


@pytest.mark.promise("S31")
async def test_a_lost_part_makes_the_visit_wait_until_the_next_part_is_promised(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    second = an_id("second rma")

    await onsite.deliver(a_loss(second))
    assert (await onsite.get(PATH)).json()["waiting_for"] == "part_lost"
    await onsite.deliver(a_reservation(rma_id=second, promised_by=PROMISED + DAY))

    _, again = await onsite.events(VisitScheduled)
    assert again.window.starts == WEDNESDAY + DAY
    assert list((await onsite.get(PATH)).json()["parts"]) == [str(second)]


@pytest.mark.promise("S26")
@pytest.mark.parametrize("end", [a_withdrawal(), a_cancellation()])
async def test_a_visit_not_begun_is_cancelled_with_its_diagnosis_or_its_case(onsite: Harness, end: Event) -> None:
    await a_planned_visit(onsite)

    await onsite.deliver(end)

    [cancelled] = await onsite.events(VisitCancelled)
    assert cancelled.appointment_id is not None
    assert (await onsite.get(PATH)).json()["state"] == "cancelled"
    await onsite.deliver(a_new_promise(PROMISED + DAY))
    assert await onsite.events(VisitRescheduled) == []


@pytest.mark.promise("S26")
@pytest.mark.parametrize("end", [a_withdrawal(), a_cancellation()])
async def test_a_visit_that_has_begun_goes_on(onsite: Harness, end: Event) -> None:
    await at_the_site(onsite)

    await onsite.deliver(end)

    assert await onsite.events(VisitCancelled) == []
    assert (await do(onsite, "install", {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD"}))["state"] == "in_progress"


async def test_a_cancelled_case_takes_no_commands(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await onsite.deliver(a_cancellation())

    refused = await do(onsite, "depart", role="manager", status=422)

    assert (refused["state"], refused["work_order"], refused["possible"]) == (
        "cancelled",
        "cancelled",
        ["open a new case"],
    )


@pytest.mark.promise("S28", "S29")
@pytest.mark.parametrize(
    ("decision", "diagnosis", "reason"),
    [
        ({"onsite": False, "onsite_reason": "location"}, {}, "location"),
        ({"onsite": False}, {}, "option_not_bought"),
        ({"covered": False, "reason": "contract_expired"}, {}, "contract_expired"),
        ({"site": None}, {}, "location"),
        ({}, {"domain": "configuration"}, "excluded_work"),
    ],
)
async def test_where_no_technician_comes_it_is_said_once_and_why(
    onsite: Harness, decision: dict[str, object], diagnosis: dict[str, object], reason: str
) -> None:
    await onsite.deliver(
        a_diagnosis(**diagnosis), a_decision(**decision), a_reservation(), a_decision(**decision, revision=2)
    )

    [told] = await onsite.events(OnsiteNotCovered)
    assert len(await onsite.outbox()) == 1
    assert (told.diagnosis_id, told.reason) == (DIAGNOSIS, reason)
    assert (await onsite.get("/v1/work-orders")).json()["items"] == []


@pytest.mark.promise("S28")
async def test_a_better_decision_opens_the_work_order_after_all(onsite: Harness) -> None:
    await a_technician(onsite)
    await onsite.deliver(a_diagnosis(), a_decision(onsite=False), a_reservation())

    await onsite.deliver(a_decision(revision=3, overridden=True), a_decision(revision=2, onsite=False))

    assert len(await onsite.events(WorkOrderOpened)) == 1
    assert len(await onsite.events(VisitScheduled)) == 1


async def test_a_diagnosis_with_another_remedy_is_none_of_ours(onsite: Harness) -> None:
    await onsite.deliver(a_decision(), a_diagnosis(remedy="replace_part"), a_reservation())

    assert await onsite.events() == []


@pytest.mark.promise("S26")
async def test_a_site_that_moves_to_other_hours_moves_the_visit(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    afternoons = [{"weekdays": [0, 1, 2, 3, 4], "opens": "13:00", "closes": "17:00"}]

    await onsite.deliver(a_decision(revision=2, site=a_site(opening_hours=afternoons)))
    await onsite.deliver(a_decision(revision=3, site=a_site(opening_hours=afternoons, revision=3)))

    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.new is not None
    assert (rescheduled.new.starts, rescheduled.reason) == (WEDNESDAY + timedelta(hours=4), "site_changed")


async def test_no_visit_is_planned_on_a_part_that_nobody_promised(onsite: Harness) -> None:
    await a_technician(onsite)
    await onsite.deliver(a_diagnosis(), a_decision())

    slots = (await onsite.get(f"{PATH}/slots")).json()

    assert slots == {"items": [], "not_before": None, "waiting_for": "part_not_promised"}
    assert (await do(onsite, "book", {"starts": WEDNESDAY.isoformat()}, role="engineer", status=409))[
        "waiting_for"
    ] == "part_not_promised"


async def test_a_part_dead_on_arrival_waits_for_the_next_and_another_visit_follows(onsite: Harness) -> None:
    await at_the_site(onsite)
    second = an_id("second rma")

    failed = await do(onsite, "fail", {"reason": "part_dead_on_arrival", "explanation": "No light."})
    assert (failed["state"], failed["waiting_for"]) == ("open", "part_unusable")
    await onsite.deliver(a_dead_part(second), a_reservation(rma_id=second, promised_by=PROMISED + 2 * DAY))

    assert [v.window.starts for v in await onsite.events(VisitScheduled)] == [WEDNESDAY, WEDNESDAY + 2 * DAY]


async def test_a_delivery_later_than_its_promise_moves_a_visit_that_came_too_early(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await onsite.deliver(a_delivery(delivered_at=WEDNESDAY + timedelta(hours=1)))

    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.new is not None
    assert rescheduled.new.starts >= WEDNESDAY + timedelta(hours=1)
