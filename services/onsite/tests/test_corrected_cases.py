"""The case's unit or site is corrected: a visit that has not begun is planned anew for the right one, or ends where none comes to it."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.onsite import OnsiteNotCovered, VisitCancelled, VisitRescheduled
from libs.events.values import Product
from services.onsite.tests.builders import (
    DIAGNOSIS,
    WEDNESDAY,
    a_decision,
    a_planned_visit,
    a_site,
    an_id,
    at_the_site,
    do,
)
from tests.support.harness import Harness

PATH = "/v1/work-orders"
RIGHT = Product(product_number="7200-87300", serial="X70-2", family="Studio", model="Studio X70")


async def the_order(onsite: Harness) -> dict[str, Any]:
    [order] = (await onsite.get(PATH)).json()["items"]
    found: dict[str, Any] = order
    return found


async def test_a_visit_is_planned_anew_for_the_right_site_and_unit(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    afternoons = [{"weekdays": [0, 1, 2, 3, 4], "opens": "13:00", "closes": "17:00"}]
    branch = a_site(site_id=an_id("branch"), opening_hours=afternoons)
    await onsite.deliver(a_decision(revision=2, corrections=1, site=branch, product=RIGHT))

    [moved] = await onsite.events(VisitRescheduled)
    assert moved.new
    assert (moved.new.starts, moved.reason) == (WEDNESDAY + timedelta(hours=4), "site_changed")
    order = await the_order(onsite)
    assert (order["state"], order["serial"]) == ("planned", "X70-2")


async def test_a_technician_who_may_not_work_on_the_right_unit_does_not_come(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    panel = RIGHT.model_copy(update={"family": "Panel"})
    await onsite.deliver(a_decision(revision=2, corrections=1, product=panel))

    [moved] = await onsite.events(VisitRescheduled)
    assert moved.new is None
    order = await the_order(onsite)
    assert (order["state"], order["waiting_for"], order["family"]) == ("open", "technician", "Panel")


@pytest.mark.parametrize("corrections", [0, 1])
async def test_a_visit_ends_where_none_comes_to_the_right_unit(onsite: Harness, corrections: int) -> None:
    """A decision that gets worse without a correction leaves it, as the policy has it."""
    await a_planned_visit(onsite)
    worse = {"onsite": False, "onsite_reason": "location_not_covered"}
    await onsite.deliver(a_decision(revision=2, corrections=corrections, **worse))
    await onsite.deliver(a_decision(revision=3, corrections=corrections, options=[], **worse))

    order = await the_order(onsite)
    assert order["state"] == ("cancelled" if corrections else "planned")
    told = [(each.diagnosis_id, each.reason) for each in await onsite.events(OnsiteNotCovered)]
    assert told == [(DIAGNOSIS, "location_not_covered")][:corrections]
    assert len(await onsite.events(VisitCancelled)) == corrections


async def test_a_visit_that_has_begun_goes_on(onsite: Harness) -> None:
    await at_the_site(onsite)
    await onsite.deliver(a_decision(revision=2, corrections=1, onsite=False, product=RIGHT))

    order = await the_order(onsite)
    assert (order["state"], order["serial"]) == ("in_progress", "X70-1")
    await do(onsite, "install", {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD"})
