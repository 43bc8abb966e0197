"""The story's facts in whatever order the topics hand them over, and what follows from a case's whole past."""

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events import Event
from libs.events.rma_returns import RepeatReplacementDetected
from services.rma.handlers import projections
from services.rma.model.rma import Rma
from services.rma.queries.rmas import RmaOut
from services.rma.tests.builders import SITE, Case, delivered, goods_in, made, refused, reserved, seen
from services.rma.tests.network import a_network
from services.rma.tests.test_corrected_cases import BRANCH
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order, interleavings, tell
from tests.support.rebuilding import proves_rebuildable

_OF_ITS_OWN = {
    "id",
    "number",
    "case_id",
    "diagnosis_id",
    "serial",
    "created_at",
    "updated_at",
    "shipped_at",
    "shipped_serial",
    "tracking",
    "installation",
    "revision",
}
Ended = Literal["cancelled", "withdrawn"] | None


def facts(case: Case, ended: Ended) -> list[Event]:
    at = case.at + timedelta(hours=1)
    ends: dict[str, Event] = {"cancelled": case.cancelled(), "withdrawn": case.withdrawn()}
    return [
        case.opened(),
        case.diagnosed("onsite_replacement"),
        case.severity("major", at),
        case.covered(),
        case.covered(revision=2, contact=None),
        case.covered(revision=3, site=BRANCH, corrections=1),
        case.visit_failed(at, "no_access"),
        ends[ended] if ended else case.visit_completed(at + timedelta(hours=1)),
    ]


async def story(case: Case, ended: Ended, rma: Harness) -> list[Delivery]:
    await rma.empty()
    await a_network(rma)
    return [rma.delivery(fact) for fact in facts(case, ended)]


async def outcome(case: Case, ended: Ended, rma: Harness) -> dict[str, Any]:
    """What a user reads of it in the end, and what was told of it."""
    if ended is None:
        body = {"serial": "NEW-1", "carrier": "van", "tracking": "1"}
        await made(rma, f"/v1/rmas/{case.rma_id}/ship", body, role="depot")
    found = await seen(rma, case.rma_id)
    [stock] = (await rma.get("/v1/stock")).json()["items"]
    # How far it had come before it ended is the order's; that it ended, and that the stock is whole, is not.
    if ended:
        return {"state": found["state"], "return": found["return_state"], "reserved": stock["reserved"]}
    kept = {name: value for name, value in found.items() if name in RmaOut.model_fields and name not in _OF_ITS_OWN}
    told = {row["type"] for row in await rma.outbox() if row["key"] == case.id}
    return {**kept, "serials": found["installation"], "told": sorted(told)}


ENDS: tuple[Ended, ...] = (None, "cancelled", "withdrawn")
CASES = {ended: Case(f"ends {ended}", at=datetime.now(UTC), serial=f"SN {ended}") for ended in ENDS}
STORIES = {ended: AnyOrder(partial(story, case, ended), partial(outcome, case, ended)) for ended, case in CASES.items()}


@in_any_order(ended=st.sampled_from(ENDS))
async def test_any_order_of_the_topics_comes_to_the_same_end(rma: Harness, data: st.DataObject, ended: Ended) -> None:
    assert await STORIES[ended].outcome_of(rma, data) == await STORIES[ended].as_it_happened(rma)


async def changes(rma: Harness) -> dict[Any, tuple[int, datetime]]:
    async with rma.transaction() as tx:
        return {each.id: (each.revision, each.updated_at) for each in await tx.select(Rma)}


@in_any_order(examples=10, ended=st.sampled_from(ENDS))
async def test_each_stored_change_and_nothing_else_moves_the_time_of_a_row(
    rma: Harness, data: st.DataObject, ended: Ended
) -> None:
    known: dict[Any, tuple[int, datetime]] = {}
    for batch in data.draw(interleavings(await story(CASES[ended], ended, rma))):
        before = await rma.now()
        await tell(rma, [batch])
        found = await changes(rma)
        for id, (revision, at) in found.items():
            assert at >= before if id not in known or known[id][0] != revision else at == known[id][1]
        known = found
    assert known


async def test_the_answer_to_a_command_says_what_it_leaves(rma: Harness) -> None:
    case = CASES[None]
    await rma.deliver(*await story(case, None, rma))
    before = await seen(rma, case.rma_id)
    body = {"serial": "NEW-1", "carrier": "van", "tracking": "1"}
    shipped = await made(rma, f"/v1/rmas/{case.rma_id}/ship", body, role="depot")
    after = await seen(rma, case.rma_id)
    said = [(each["revision"], each["updated_at"]) for each in (before, shipped, after)]
    assert said[0] < said[1] == said[2]


@pytest.mark.promise("S24")
async def test_the_same_component_again_within_ninety_days_is_told_with_what_went_before(rma: Harness) -> None:
    await a_network(rma)
    now = datetime.now(UTC)
    long_ago = await delivered(rma, Case("long ago", at=now - timedelta(days=125)))
    lately = await delivered(rma, Case("lately", at=now - timedelta(days=30)), serial="NEW-2")
    assert not await rma.events(RepeatReplacementDetected)
    again = await reserved(rma, Case("again", at=now))
    [told] = await rma.events(RepeatReplacementDetected)
    assert (told.rma_id, told.earlier_rma_ids, told.within_days) == (again, [lately], 90)
    assert long_ago not in told.earlier_rma_ids


async def test_a_repeat_is_followed_through_the_unit_that_took_the_serials_place(rma: Harness) -> None:
    await a_network(rma)
    await goods_in(rma, 2, "P-X70")
    unit: dict[str, Any] = {"part_number": None, "whole_unit": True, "component": "unit"}
    now = datetime.now(UTC)
    first = await delivered(rma, Case("first", at=now - timedelta(days=9), serial="S-1"), serial="S-2", **unit)
    await made(rma, f"/v1/rmas/{first}/confirm-installed", {}, role="engineer")
    second = await reserved(rma, Case("second", at=now, serial="S-2"), **unit)
    [told] = await rma.events(RepeatReplacementDetected)
    assert (told.rma_id, told.earlier_rma_ids, told.serial) == (second, [first], "S-2")


async def test_a_replacement_of_a_lost_part_is_no_repeat(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    await made(rma, f"/v1/rmas/{rma_id}/dead-on-arrival", {"symptom": "dark"}, role="engineer")
    assert not await rma.events(RepeatReplacementDetected)


async def test_cover_without_a_site_waits_for_one(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.diagnosed(), case.covered(site=None))
    assert (await seen(rma, case.rma_id))["state"] == "requested"
    answer = await rma.post(f"/v1/rmas/{case.rma_id}/override", {"reason": "send it"}, role="manager")
    assert refused(answer) == (422, "no-destination")
    await rma.deliver(case.covered(revision=2, site=SITE))
    assert (await seen(rma, case.rma_id))["state"] == "reserved"


async def test_a_diagnosis_that_calls_for_no_part_opens_no_rma(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed("guidance"))
    assert (await rma.get("/v1/rmas")).json()["items"] == []
    assert not await rma.events()


@in_any_order(examples=3, random=st.randoms(use_true_random=False))
async def test_the_case_files_are_rebuilt_from_any_order(rma: Harness, data: st.DataObject, random: Random) -> None:
    await rma.empty()
    await a_network(rma)
    told = [rma.delivery(fact) for ended, case in CASES.items() for fact in facts(case, ended)]
    await tell(rma, data.draw(interleavings(told)))
    for projection in projections:
        await proves_rebuildable(rma, projection, random)
