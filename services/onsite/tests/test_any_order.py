"""Facts of three services in any order, some of them twice: one outcome."""

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
from tests.support.order import interleavings
from tests.support.rebuilding import proves_rebuildable

_SAME_WORLD = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_expected: list[tuple[Any, set[tuple[str, str]]]] = []


async def _begin(h: Harness) -> None:
    await h.empty()
    async with h.database.pool.acquire() as connection:
        await connection.execute("UPDATE app_clock SET time_offset = $1 - clock_timestamp()", MONDAY)
    await a_technician(h)
    await a_place(h)


async def _outcome(h: Harness) -> tuple[Any, set[tuple[str, str]]]:
    emitted = {(row["type"], str(row["subject"])) for row in await h.outbox()}
    return await h.state(ignore=["number"]), emitted


@given(data=st.data())
@_SAME_WORLD
async def test_the_story_ends_the_same_in_any_order(onsite: Harness, data: st.DataObject) -> None:
    story = [
        a_decision(site=a_site(access_notes="Gate 1")), a_diagnosis(), a_reservation(), a_decision(revision=2),
        a_shipment(), a_delivery(), a_diagnosis(diagnosis_id=an_id("guidance"), remedy="guidance"),
    ]  # fmt: skip
    await _begin(onsite)
    deliveries = [onsite.delivery(event) for event in story]
    if not _expected:
        await onsite.deliver(*deliveries)
        _expected.append(await _outcome(onsite))
        await _begin(onsite)

    await onsite.deliver(*data.draw(interleavings(deliveries)))

    assert await _outcome(onsite) == _expected[0]


@given(data=st.data(), days=st.lists(st.integers(-1, 3), min_size=1, max_size=3))
@settings(_SAME_WORLD, max_examples=8)
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
    await onsite.deliver(*order)

    assert (await onsite.state(ignore=["appointment_id"]))["bookings"] == expected


@given(data=st.data(), random=st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    await onsite.deliver(*data.draw(interleavings(told)))
    for projection in projections:
        await proves_rebuildable(onsite, projection, random)
