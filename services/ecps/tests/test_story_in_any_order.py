"""Whatever order Kafka hands the records over in, ecps ends with the same state and has said the same."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events import Event
from libs.events.ecps import PartnerTicketNotOpenable, PartnerTicketWithdrawn
from services.ecps.handlers import projections
from services.ecps.tests.builders import ACase, a_partner
from tests.support.harness import Harness
from tests.support.order import interleavings
from tests.support.rebuilding import proves_rebuildable

FIRST, SECOND = ACase(datetime.now(UTC)), ACase(datetime.now(UTC))
_COUNTED = ("number", "our_reference")


def story(h: Harness) -> list[Any]:
    """One case whose customer consents late and stays; one that is cancelled; coverage from elsewhere in between."""
    told = (
        FIRST.opened(),
        FIRST.covered(),
        FIRST.diagnosed(),
        FIRST.asked(consent=False),
        FIRST.noted("It fails again", 12),
        FIRST.diagnosed(domain="hardware", partner=False, name="another"),
        FIRST.covered(2, "X72"),
        FIRST.asked(15),
        FIRST.noted("From the partner", 16, origin="partner"),
        FIRST.resolved(),
        FIRST.reopened(),
        SECOND.opened(),
        SECOND.diagnosed(),
        SECOND.asked(),
        SECOND.covered(),
        SECOND.withdrawn(),
        SECOND.cancelled(),
    )
    return [h.delivery(event) for event in told]


async def outcome(h: Harness, order: list[Any]) -> tuple[Any, ...]:
    await a_partner(h)
    await h.deliver(*order)
    emitted: list[Event] = await h.events()
    events = sorted((type(e).__name__, e.model_dump_json(exclude=set(_COUNTED))) for e in emitted)
    state = await h.state(ignore=_COUNTED)
    del state["partners"]  # when it was added is not the story's
    return state, events


_in_order: list[tuple[list[Any], tuple[Any, ...]]] = []


async def told_in_order(h: Harness) -> tuple[list[Any], tuple[Any, ...]]:
    """The records, and what comes of them in the order in which they happened; found out once."""
    if not _in_order:
        told = story(h)
        await h.empty()
        _in_order.append((told, await outcome(h, told)))
        assert [no.reason for no in await h.events(PartnerTicketNotOpenable)] == ["no_consent"]
        assert len(await h.events(PartnerTicketWithdrawn)) == 1
    return _in_order[0]


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_story_ends_the_same_in_any_order(ecps: Harness, data: st.DataObject) -> None:
    told, expected = await told_in_order(ecps)
    order = data.draw(interleavings(told))
    await ecps.empty()

    assert await outcome(ecps, order) == expected


@given(data=st.data(), random=st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_case_files_are_rebuilt_from_any_order(ecps: Harness, data: st.DataObject, random: Random) -> None:
    told, _ = await told_in_order(ecps)
    order = data.draw(interleavings(told))
    await ecps.empty()
    await outcome(ecps, order)
    for projection in projections:
        await proves_rebuildable(ecps, projection, random)
