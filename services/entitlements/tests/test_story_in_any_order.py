"""Whatever order Kafka hands the records over in, entitlements ends with the same state and its last word is the same."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events.entitlements import CoverageDecided, SerialReplaced
from libs.store.ids import new_id
from services.entitlements.handlers import projections
from services.entitlements.tests.builders import (
    SERIAL,
    SPARE,
    a_covered_customer,
    case_closed,
    case_opened,
    case_reopened,
    corrected,
    overridden,
    replaced,
    word_taken_back,
)
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order
from tests.support.rebuilding import proves_rebuildable

NOW = datetime.now(UTC)
FIRST, SECOND, THIRD = new_id(), new_id(), new_id()
RMAS = [new_id(), new_id(), new_id()]
CORRECTED = new_id()  # to the unit that is replaced twice
STRANGE = new_id()  # a case that entitlements never hears opened


async def story(h: Harness) -> list[Delivery]:
    """Two cases on one unit, which is replaced twice; the second replacement is told of before the first."""
    await h.empty()
    account_id = (await a_covered_customer(h)).account_id
    return [
        h.delivery(event, account_id=account_id)
        for event in (
            case_opened(account_id, case_id=FIRST, opened_at=NOW),
            case_opened(account_id, case_id=SECOND, opened_at=NOW),
            overridden(FIRST, covered=True, onsite=False),
            case_closed(FIRST),
            case_reopened(FIRST),
            case_closed(FIRST),
            replaced(THIRD, SPARE, "8LTEST0003FB", rma_id=RMAS[0], installed_at=NOW + timedelta(days=9)),
            replaced(FIRST, rma_id=RMAS[1], installed_at=NOW + timedelta(days=2)),
            replaced(FIRST, SERIAL, "8LTESTCAMERA", rma_id=RMAS[2], whole_unit=False, component="camera_module"),
            case_closed(STRANGE),
            case_opened(account_id, case_id=CORRECTED, opened_at=NOW, product_number=None, serial=None),
            overridden(CORRECTED, covered=True),
            word_taken_back(CORRECTED),
            corrected(CORRECTED, serial="8LTEST0009FB"),
            corrected(CORRECTED, serial=SERIAL),
        )
    ]


async def outcome(h: Harness) -> tuple[Any, ...]:
    decisions = await h.events(CoverageDecided)
    last = {each.case_id: each.model_dump(exclude={"decided_at"}) for each in decisions}
    moves = sorted((each.old_serial, each.new_serial) for each in await h.events(SerialReplaced))
    return await h.state(ignore=("history", "number", "reference", "key")), last, moves


STORY = AnyOrder(story, outcome)


@in_any_order()
async def test_the_story_ends_the_same_in_any_order(entitlements: Harness, data: st.DataObject) -> None:
    expected = await STORY.as_it_happened(entitlements)

    assert await STORY.outcome_of(entitlements, data) == expected
    _, last, moves = expected
    assert moves == [(SERIAL, SPARE), (SPARE, "8LTEST0003FB")]
    assert last[SECOND]["product"]["serial"] == "8LTEST0003FB"


@in_any_order(examples=3, random=st.randoms(use_true_random=False))
async def test_the_case_files_and_replacements_are_rebuilt_from_any_order(
    entitlements: Harness, data: st.DataObject, random: Random
) -> None:
    await STORY.outcome_of(entitlements, data)
    for projection in projections:
        await proves_rebuildable(entitlements, projection, random)
