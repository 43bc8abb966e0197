"""The day of the visit: what must come first, what is refused, how it ends otherwise."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.onsite import (
    DepartureUndone,
    SoftwareRestoreApproved,
    TechnicianArrived,
    TechnicianDispatched,
    VisitCompleted,
    VisitFailed,
    VisitMissed,
    VisitScheduled,
)
from libs.events.values import Contact
from services.onsite.tests.builders import (
    CONTACT,
    PATH,
    RMA,
    WEDNESDAY,
    a_decision,
    a_planned_visit,
    a_shipment,
    an_id,
    at_the_site,
    do,
    to_the_day,
    work_done,
)
from tests.support.harness import Harness

SUPPORT, CUSTOMER = {"side": "support"}, {"side": "customer"}
EARLY = {"reason": "the guard let me in"}


@pytest.mark.promise("S26")
async def test_nobody_departs_before_the_part_is_delivered(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await onsite.deliver(a_shipment())

    refused = await do(onsite, "depart", status=409)

    assert refused["undelivered_rma_ids"] == [str(RMA)]
    assert (refused["state"], refused["possible"]) == ("confirmed", ["reschedule", "running_late"])
    assert await onsite.events(TechnicianDispatched) == []


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("arrive", {}),
        ("check-in", {"engineer": "Linh"}),
        ("steps", {"work": "test", "name": "Picture", "passed": True}),
        ("install", {"serial_in": "CAM-NEW"}),
        ("sign-off", {"side": "customer"}),
        ("fail", {"reason": "no_access", "explanation": "Locked."}),
    ],
)
async def test_what_comes_later_is_refused_before_the_arrival(onsite: Harness, what: str, body: Any) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)

    refused = await do(onsite, what, body, status=409)

    assert refused["state"] == "confirmed"
    assert refused["possible"]


@pytest.mark.parametrize("what", ["depart", "arrive", "reschedule"])
async def test_what_came_earlier_is_refused_once_the_visit_has_begun(onsite: Harness, what: str) -> None:
    await at_the_site(onsite)
    body = {"starts": (WEDNESDAY + timedelta(hours=3)).isoformat(), "reason": "later please"}

    refused = await do(onsite, what, body if what == "reschedule" else {}, status=409)

    assert (refused["state"], refused["possible"]) == ("in_progress", ["check_in", "fail", "install", "steps"])


async def test_a_technician_on_the_way_is_not_sent_elsewhere(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")

    for what in ("depart", "reschedule"):
        body = {"starts": (WEDNESDAY + timedelta(hours=3)).isoformat(), "reason": "later please"}
        refused = await do(onsite, what, body if what == "reschedule" else {}, status=409)
        assert (refused["state"], refused["possible"]) == ("en_route", ["arrive", "running_late", "undo_depart"])


@pytest.mark.promise("S31")
async def test_a_technician_who_turned_back_can_set_out_again(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    too_early = await do(onsite, "undo-depart", {"reason": "flat tyre"}, status=409)
    await do(onsite, "depart")

    back = await do(onsite, "undo-depart", {"reason": "flat tyre"})

    assert (too_early["state"], too_early["possible"]) == ("confirmed", ["depart", "reschedule", "running_late"])
    assert (back["appointment"]["state"], back["appointment"]["departed_at"]) == ("confirmed", None)
    [undone] = await onsite.events(DepartureUndone)
    assert (undone.reason, str(undone.appointment_id)) == ("flat tyre", back["appointment"]["id"])
    again = await do(onsite, "depart")
    states = [change["state"] for change in again["appointment"]["history"]]
    assert states == ["confirmed", "en_route", "confirmed", "en_route"]


@pytest.mark.promise("S31")
async def test_a_visit_on_the_road_is_not_missed_but_put_before_the_dispatcher(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")

    await onsite.advance(timedelta(hours=5, minutes=29))
    on_the_road = (await onsite.get(PATH)).json()
    await onsite.advance(timedelta(minutes=2))
    late = (await onsite.get(PATH)).json()
    arrived = await do(onsite, "arrive", role="manager")

    assert await onsite.events(VisitMissed) == []
    assert (on_the_road["waiting_for"], on_the_road["appointment"]["state"]) == (None, "en_route")
    assert (late["waiting_for"], late["appointment"]["state"]) == ("dispatcher", "en_route")
    assert (arrived["waiting_for"], arrived["state"]) == (None, "in_progress")


@pytest.mark.promise("S31")
async def test_a_departure_undone_after_the_window_is_a_visit_missed(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")
    await onsite.advance(timedelta(hours=3))

    await do(onsite, "undo-depart", {"reason": "never left"})
    await onsite.fire_timers()

    [missed] = await onsite.events(VisitMissed)
    assert missed.reason == "not_departed"
    assert len(await onsite.events(VisitScheduled)) == 2


@pytest.mark.promise("S27")
async def test_work_begins_with_the_check_in_with_support(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")
    await do(onsite, "arrive", EARLY)

    refused = await do(onsite, "install", {"serial_in": "CAM-NEW"}, status=409)

    assert refused["missing"] == ["check-in"]


@pytest.mark.promise("S27")
async def test_nobody_signs_off_before_the_part_is_in_and_tested(onsite: Harness) -> None:
    await at_the_site(onsite)

    nothing = await do(onsite, "sign-off", SUPPORT, role="engineer", status=409)
    await work_done(onsite)
    await do(onsite, "steps", {"work": "test", "name": "Zoom", "passed": False})
    failing = await do(onsite, "sign-off", SUPPORT, role="engineer", status=409)

    assert nothing["missing"] == [f"install {RMA}", "a test step that passed, after any that did not"]
    assert failing["missing"] == ["a test step that passed, after any that did not"]
    assert await onsite.events(VisitCompleted) == []


@pytest.mark.promise("S27")
async def test_each_side_signs_for_itself(onsite: Harness) -> None:
    await at_the_site(onsite)
    await work_done(onsite)

    assert (await do(onsite, "sign-off", SUPPORT, status=403))["allowed"] == ["engineer", "manager"]
    assert (await do(onsite, "sign-off", CUSTOMER, role="engineer", status=403))["allowed"] == [
        "customer",
        "technician",
    ]


@pytest.mark.promise("S27")
async def test_only_the_authorised_contact_signs_for_the_customer(onsite: Harness) -> None:
    await at_the_site(onsite)
    await work_done(onsite)
    await onsite.deliver(a_decision(revision=2, contact=Contact(contact_id=CONTACT)))

    refused = await do(onsite, "sign-off", CUSTOMER, status=422)

    assert refused["type"].endswith("contact-not-authorised")
    assert await onsite.events(VisitCompleted) == []


async def test_the_scanned_part_must_be_the_one_that_was_sent(onsite: Harness) -> None:
    await at_the_site(onsite)

    wrong = await do(onsite, "install", {"serial_in": "CAM-OTHER"}, status=422)
    unknown = await do(onsite, "install", {"rma_id": str(an_id("other")), "serial_in": "CAM-NEW"}, status=422)
    await do(onsite, "install", {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD"})
    twice = await do(onsite, "install", {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD"}, status=409)

    assert (wrong["expected"], wrong["scanned"]) == ("CAM-NEW", "CAM-OTHER")
    assert unknown["rma_ids"] == [str(RMA)]
    assert twice["rma_ids"] == [str(RMA)]


@pytest.mark.promise("S29")
@pytest.mark.parametrize(
    ("work", "exclusion"),
    [
        ("software_upgrade", "software upgrades"),
        ("enhancement", "product enhancements"),
        ("configuration", "configuration help"),
        ("software_update", "software updates"),
    ],
)
async def test_excluded_work_is_refused_by_its_name(onsite: Harness, work: str, exclusion: str) -> None:
    await at_the_site(onsite)

    refused = await do(onsite, "steps", {"work": work, "name": "New firmware", "passed": True}, status=422)

    assert (refused["exclusion"], refused["clause"]) == (exclusion, "S29")


@pytest.mark.promise("S30")
async def test_an_engineer_may_approve_the_update_that_restores_the_product(onsite: Harness) -> None:
    await at_the_site(onsite)
    approval = {"needed_to_restore": True, "reason": "The new camera needs it.", "release": "4.5.1"}

    await do(onsite, "approve-software", approval, status=403)
    upgrade = await do(
        onsite, "approve-software", {**approval, "needed_to_restore": False}, role="engineer", status=422
    )
    approved = await do(onsite, "approve-software", approval, role="engineer")
    done = await do(onsite, "steps", {"work": "software_update", "name": "4.5.1", "passed": True})

    assert upgrade["exclusion"] == "software upgrades"
    assert approved["software_approval"]["by"].startswith("engineer:")
    assert done["appointment"]["steps"][0]["work"] == "software_update"
    [event] = await onsite.events(SoftwareRestoreApproved)
    assert (event.release, event.reason) == ("4.5.1", "The new camera needs it.")


async def test_nothing_is_approved_on_an_ended_work_order(onsite: Harness) -> None:
    await at_the_site(onsite)
    await do(onsite, "fail", {"reason": "customer_declined", "explanation": "Sent away."})

    refused = await do(
        onsite, "approve-software", {"needed_to_restore": True, "reason": "why not"}, role="engineer", status=409
    )

    assert (refused["state"], refused["possible"]) == ("unable_to_complete", [])


@pytest.mark.promise("S27")
async def test_a_failed_visit_is_planned_again(onsite: Harness) -> None:
    await at_the_site(onsite)

    after = await do(onsite, "fail", {"reason": "contact_absent", "explanation": "Nobody there."})

    assert (after["state"], after["appointment"]["state"]) == ("planned", "confirmed")
    [failed] = await onsite.events(VisitFailed)
    assert (failed.reason, failed.plans_again, failed.rma_ids) == ("contact_absent", True, [])
    _, again = await onsite.events(VisitScheduled)
    assert again.appointment_id != failed.appointment_id
    assert again.window.starts > WEDNESDAY


@pytest.mark.promise("S27")
@pytest.mark.parametrize(
    "body",
    [
        {"reason": "customer_declined", "explanation": "No more visits."},
        {"reason": "no_access", "explanation": "Building closed for good.", "plans_again": False},
    ],
)
async def test_a_visit_can_fail_for_good(onsite: Harness, body: Any) -> None:
    await at_the_site(onsite)

    after = await do(onsite, "fail", body)

    assert (after["state"], after["appointment"]["state"]) == ("unable_to_complete", "failed")
    [failed] = await onsite.events(VisitFailed)
    assert not failed.plans_again
    assert (await do(onsite, "depart", role="manager", status=409))["possible"] == []


async def test_after_so_many_failures_nobody_is_sent_again(onsite: Harness) -> None:
    await onsite.post(
        "/v1/onsite-policies", {"settings": {"max_failed_visits": 1}, "why": "one is enough"}, role="manager"
    )
    await at_the_site(onsite)

    after = await do(onsite, "fail", {"reason": "no_access", "explanation": "Locked."})

    assert after["state"] == "unable_to_complete"


@pytest.mark.promise("S31")
async def test_a_visit_to_which_nobody_came_is_missed_after_the_grace_and_planned_again(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)

    await onsite.advance(timedelta(minutes=119))
    assert await onsite.events(VisitMissed) == []
    await onsite.advance(timedelta(minutes=2))

    [missed] = await onsite.events(VisitMissed)
    assert missed.window.starts == WEDNESDAY
    assert missed.missed_at >= WEDNESDAY + timedelta(minutes=90)
    assert missed.reason == "not_departed"
    order = (await onsite.get(PATH)).json()
    assert (order["state"], len(await onsite.events(VisitScheduled))) == ("planned", 2)
    states = [a["state"] for a in (await onsite.get("/v1/appointments")).json()["items"]]
    assert states == ["missed", "confirmed"]


@pytest.mark.promise("S26")
async def test_an_arrival_outside_the_window_is_said_to_be_one(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")
    await onsite.advance(timedelta(minutes=100))

    await do(onsite, "arrive")

    [arrived] = await onsite.events(TechnicianArrived)
    assert not arrived.in_window


async def test_bad_input_is_refused_and_nothing_is_lost(onsite: Harness) -> None:
    await at_the_site(onsite)
    before = await onsite.state()

    for what, body, wrong in (
        ("steps", {"work": "magic", "name": "x", "passed": True}, "/work"),
        ("fail", {"reason": "no_access"}, "/explanation"),
        ("install", {"serial_in": "CAM-NEW", "price": 1}, "/price"),
        ("sign-off", {"side": "partner"}, "/side"),
        ("check-in", {"engineer": ""}, "/engineer"),
    ):
        refused = await do(onsite, what, body, status=422)
        assert [each["pointer"] for each in refused["errors"]] == [wrong]

    assert await onsite.state() == before
