"""Whatever order Kafka hands the records over in, escalation ends with the same clocks, breaches and people told."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events import Event
from libs.events.escalation import ThresholdBreached
from services.escalation.handlers import projections
from services.escalation.tests.builders import ACase
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order
from tests.support.rebuilding import proves_rebuildable

CASE = ACase(datetime.now(UTC) - timedelta(minutes=700))
TOLD = [
    (CASE.opened(), 0.0),
    (CASE.covered(), 0.1),
    (CASE.assigned(5), 5),
    (CASE.responded(40), 40),
    (CASE.noted(40), 40),
    (CASE.diagnosed(60, "hardware"), 60),
    (CASE.pending("part", 70), 70),
    (CASE.diagnosed(90), 90),
    (CASE.pending("partner", 100), 100),
    (CASE.repeat_replacement(61), 61),
    (CASE.partner_silent(160), 160),
    (CASE.noted(200, "partner"), 200),
    (CASE.resumed("partner", 220), 220),
    (CASE.contract_date_missed(300), 300),
    (CASE.severity_changed("major", 310), 310),
    (CASE.resumed("part", 320), 320),
    (CASE.covered("gold", 2), 330),
    (CASE.severity_changed("critical", 340), 340),
    (CASE.resolved(640), 640),
    (CASE.reopened(650), 650),
    (CASE.pending("customer", 655), 655),
]


async def story(h: Harness) -> list[Delivery]:
    """The P1 case of the product's story: answered late, at the partner's for a while, part late, resolved and reopened."""
    await h.empty()
    return [h.delivery(event, at=CASE.at(minutes)) for event, minutes in TOLD]


async def outcome(h: Harness) -> tuple[Any, ...]:
    clocks = {event.model_dump_json() for event in await h.events(Event)}
    rows = await h.state()
    await h.fire_timers()
    breaches = {
        (e.rule, e.percent, e.epoch, e.due_at, e.raises_escalation, len(e.recipients))
        for e in await h.events(ThresholdBreached)
    }
    assert len(breaches) == len(await h.events(ThresholdBreached))
    return clocks, rows, breaches


STORY = AnyOrder(story, outcome)


@in_any_order()
async def test_the_story_ends_the_same_in_any_order(escalation: Harness, data: st.DataObject) -> None:
    expected = await STORY.as_it_happened(escalation)
    assert {(rule, percent) for rule, percent, *_ in expected[2]} == {
        ("first_response", 75),
        ("first_response", 100),
        ("repeat_replacement", None),
        ("partner_silence", None),
        ("contract_date_missed", None),
        ("update", 75),
        ("update", 100),
        ("resolution", 75),
        ("resolution", 100),
        ("no_progress", None),
    }

    assert await STORY.outcome_of(escalation, data) == expected


@in_any_order(examples=3, random=st.randoms(use_true_random=False))
async def test_the_case_files_are_rebuilt_from_any_order(
    escalation: Harness, data: st.DataObject, random: Random
) -> None:
    await STORY.outcome_of(escalation, data)
    for projection in projections:
        await proves_rebuildable(escalation, projection, random)
