"""Whatever order Kafka hands the records over in, escalation ends with the same clocks, breaches and people told."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events import Event
from libs.events.escalation import ThresholdBreached
from services.escalation.handlers import projections
from services.escalation.tests.builders import ACase
from tests.support.harness import Harness
from tests.support.order import interleavings
from tests.support.rebuilding import proves_rebuildable


def story(h: Harness, case: ACase) -> list[Delivery]:
    """The P1 case of the product's story: answered late, at the partner's for a while, part late, resolved and reopened."""
    told = [
        (case.opened(), 0.0), (case.covered(), 0.1), (case.assigned(5), 5), (case.responded(40), 40), (case.noted(40), 40),
        (case.diagnosed(60, "hardware"), 60), (case.pending("part", 70), 70), (case.diagnosed(90), 90),
        (case.pending("partner", 100), 100), (case.repeat_replacement(61), 61), (case.partner_silent(160), 160),
        (case.noted(200, "partner"), 200), (case.resumed("partner", 220), 220), (case.contract_date_missed(300), 300),
        (case.severity_changed("major", 310), 310), (case.resumed("part", 320), 320), (case.covered("gold", 2), 330),
        (case.severity_changed("critical", 340), 340), (case.resolved(640), 640), (case.reopened(650), 650),
        (case.pending("customer", 655), 655),
    ]  # fmt: skip
    return [h.delivery(event, at=case.at(minutes)) for event, minutes in told]


async def outcome(h: Harness, order: list[Delivery]) -> tuple[Any, ...]:
    await h.deliver(*order)
    clocks = {event.model_dump_json() for event in await h.events(Event)}
    rows = await h.state()
    await h.fire_timers()
    breaches = {
        (e.rule, e.percent, e.epoch, e.due_at, e.raises_escalation, len(e.recipients))
        for e in await h.events(ThresholdBreached)
    }
    assert len(breaches) == len(await h.events(ThresholdBreached))
    return clocks, rows, breaches


_told: list[Delivery] = []
_expected: list[tuple[Any, ...]] = []


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_story_ends_the_same_in_any_order(escalation: Harness, data: st.DataObject) -> None:
    await escalation.empty()
    if not _told:
        _told.extend(story(escalation, ACase(datetime.now(UTC) - timedelta(minutes=700))))
        _expected.append(await outcome(escalation, _told))
        await escalation.empty()
    assert {(rule, percent) for rule, percent, *_ in _expected[0][2]} == {
        ("first_response", 75), ("first_response", 100), ("repeat_replacement", None), ("partner_silence", None),
        ("contract_date_missed", None), ("update", 75), ("update", 100), ("resolution", 75), ("resolution", 100),
        ("no_progress", None),
    }  # fmt: skip

    assert await outcome(escalation, data.draw(interleavings(_told))) == _expected[0]


@given(data=st.data(), random=st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_case_files_are_rebuilt_from_any_order(
    escalation: Harness, data: st.DataObject, random: Random
) -> None:
    await escalation.empty()
    told = story(escalation, ACase(datetime.now(UTC) - timedelta(minutes=700)))
    await outcome(escalation, data.draw(interleavings(told)))
    for projection in projections:
        await proves_rebuildable(escalation, projection, random)
