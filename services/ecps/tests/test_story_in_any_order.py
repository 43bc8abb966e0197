"""Whatever order Kafka hands the records over in, ecps ends with the same state and has said the same."""

from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid5

from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events import Event
from libs.events.ecps import PartnerTicketNotOpenable, PartnerTicketWithdrawn
from services.ecps.handlers import projections
from services.ecps.tests.builders import ACase, a_partner
from services.ecps.tests.test_redaction import taken_out
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order
from tests.support.rebuilding import proves_rebuildable

FIRST, SECOND = ACase(datetime.now(UTC)), ACase(datetime.now(UTC))
TOLD: tuple[Event, ...] = (
    FIRST.opened(),
    FIRST.covered(),
    FIRST.diagnosed(),
    FIRST.asked(consent=False),
    FIRST.noted("It fails again", 12),
    FIRST.diagnosed(domain="hardware", partner=False, name="another"),
    FIRST.covered(2, "X72"),
    FIRST.asked(15),
    FIRST.noted("From the partner", 16, origin="partner"),
    taken_out(FIRST, "note", uuid5(FIRST.id, "It fails again")),
    taken_out(FIRST, "finding", FIRST.diagnosis_id),
    FIRST.corrected(description="No sound", language="en", product_number="875K6AA", serial="8LTEST0009"),
    FIRST.resolved(),
    FIRST.reopened(),
    SECOND.opened(),
    SECOND.diagnosed(),
    SECOND.asked(),
    SECOND.covered(),
    SECOND.withdrawn(),
    SECOND.cancelled(),
)
_COUNTED = ("number", "our_reference")


async def story(h: Harness) -> list[Delivery]:
    """One case whose customer consents late and stays; one that is cancelled; coverage from elsewhere in between."""
    await h.empty()
    await a_partner(h)
    return [h.delivery(event) for event in TOLD]


async def outcome(h: Harness) -> tuple[Any, ...]:
    emitted: list[Event] = await h.events()
    assert [no.reason for no in await h.events(PartnerTicketNotOpenable)] == ["no_consent"]
    assert len(await h.events(PartnerTicketWithdrawn)) == 1
    events = sorted((type(e).__name__, e.model_dump_json(exclude=set(_COUNTED))) for e in emitted)
    state = await h.state(ignore=_COUNTED)
    del state["partners"]  # when it was added is not the story's
    return state, events


STORY = AnyOrder(story, outcome)


@in_any_order()
async def test_the_story_ends_the_same_in_any_order(ecps: Harness, data: st.DataObject) -> None:
    assert await STORY.outcome_of(ecps, data) == await STORY.as_it_happened(ecps)


@in_any_order(examples=3, random=st.randoms(use_true_random=False))
async def test_the_case_files_are_rebuilt_from_any_order(ecps: Harness, data: st.DataObject, random: Random) -> None:
    await STORY.outcome_of(ecps, data)
    for projection in projections:
        await proves_rebuildable(ecps, projection, random)
