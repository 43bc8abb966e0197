"""Facts of three services in any order, some of them twice: one outcome."""

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from services.onsite.handlers import projections
from services.onsite.tests.builders import (
    MONDAY,
    PROMISED,
    a_backorder,
    a_cancellation,
    a_decision,
    a_delivery,
    a_diagnosis,
    a_new_promise,
    a_place,
    a_reservation,
    a_shipment,
    a_site,
    a_technician,
    a_withdrawal,
    an_id,
)
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order, interleavings, tell
from tests.support.rebuilding import proves_rebuildable

TOLD = (
    a_decision(site=a_site(revision=2)),
    a_diagnosis(),
    a_reservation(),
    a_decision(revision=2),
    a_shipment(),
    a_delivery(),
    a_diagnosis(diagnosis_id=an_id("guidance"), remedy="guidance"),
)


async def _begin(h: Harness) -> None:
    await h.empty()
    async with h.database.pool.acquire() as connection:
        await connection.execute("UPDATE app_clock SET time_offset = $1 - clock_timestamp()", MONDAY)
    await a_technician(h)
    await a_place(h)


async def _story(h: Harness) -> list[Delivery]:
    await _begin(h)
    return [h.delivery(event) for event in TOLD]


async def _outcome(h: Harness) -> tuple[Any, set[tuple[str, str]]]:
    emitted = {(row["type"], str(row["subject"])) for row in await h.outbox()}
    return await h.state(ignore=["number"]), emitted


STORY = AnyOrder(_story, _outcome)


@in_any_order(examples=20)
async def test_the_story_ends_the_same_in_any_order(onsite: Harness, data: st.DataObject) -> None:
    assert await STORY.outcome_of(onsite, data) == await STORY.as_it_happened(onsite)


@in_any_order(examples=8)
async def test_a_corrected_case_ends_in_the_same_visit_in_any_order(onsite: Harness, data: st.DataObject) -> None:
    afternoons = [{"weekdays": [0, 1, 2, 3, 4], "opens": "13:00", "closes": "17:00"}]
    branch = a_site(site_id=an_id("branch"), opening_hours=afternoons)
    corrected = a_decision(revision=2, corrections=1, site=branch)
    await _begin(onsite)
    deliveries = [onsite.delivery(e) for e in (a_decision(), a_diagnosis(), corrected, a_reservation())]
    await onsite.deliver(*deliveries)
    expected = (await onsite.state(ignore=["appointment_id"]))["bookings"]

    order = data.draw(interleavings(deliveries))
    await _begin(onsite)
    await tell(onsite, order)
    assert (await onsite.state(ignore=["appointment_id"]))["bookings"] == expected


@in_any_order(examples=8, days=st.lists(st.integers(-1, 3), min_size=1, max_size=3))
async def test_a_promise_that_moves_ends_in_the_same_visit_in_any_order(
    onsite: Harness, data: st.DataObject, days: list[int]
) -> None:
    promises = [a_new_promise(PROMISED + timedelta(days=n)) for n in days]
    await _begin(onsite)
    deliveries = [onsite.delivery(e) for e in (a_decision(), a_diagnosis(), a_reservation(), *promises)]
    await onsite.deliver(*deliveries)
    expected = (await onsite.state(ignore=["appointment_id"]))["bookings"]

    order = data.draw(interleavings(deliveries))
    await _begin(onsite)
    await tell(onsite, order)

    assert (await onsite.state(ignore=["appointment_id"]))["bookings"] == expected


@in_any_order(examples=3, random=st.randoms(use_true_random=False))
async def test_the_case_files_are_rebuilt_from_any_order(onsite: Harness, data: st.DataObject, random: Random) -> None:
    refused = (
        a_decision(covered=False),
        a_diagnosis(),
        a_reservation(),
        a_backorder(),
        a_withdrawal(),
        a_cancellation(),
    )
    visited = (a_decision(), a_decision(revision=2), a_diagnosis(), a_reservation(), a_shipment(), a_delivery())
    await _begin(onsite)
    told = [onsite.delivery(event) for event in (refused if random.random() < 0.5 else visited)]
    await tell(onsite, data.draw(interleavings(told)))
    for projection in projections:
        await proves_rebuildable(onsite, projection, random)
