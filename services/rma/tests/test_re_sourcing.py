"""A part that is kept in one depot comes from another, under the same contract date: by itself, or by command."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.rma import DeliveryPromiseChanged, DeliveryPromiseMissed, PartBackordered, PartReserved, PartShipped
from libs.store.ids import new_id
from services.rma.model.stock import Stock
from services.rma.tests.builders import Case, goods_in, made, refused, reserved, seen, shipped
from services.rma.tests.network import HCM, HCM_DAYS, SGP, SGP_DAYS, a_network
from services.rma.tests.test_promise_changes import closed_for_ten_days
from tests.support.harness import Harness

RE_SOURCE = {"reason": "the shelf is under water"}


async def shelves(rma: Harness) -> dict[UUID, tuple[int, int]]:
    """By depot: on hand, and kept."""
    async with rma.transaction() as tx:
        return {row.depot_id: (row.on_hand, row.reserved) for row in await tx.select(Stock)}


async def retire(rma: Harness, depot_id: UUID, *, active: bool = False) -> None:
    read = await rma.get(f"/v1/depots/{depot_id}", role="manager")
    answer = await rma.patch(f"/v1/depots/{depot_id}", {"active": active}, etag=read.headers["etag"], role="manager")
    assert answer.status_code == 200, answer.text


def kept_labels(found: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((each["reference"][-5:], each["state"]) for each in found["shipments"])


@pytest.mark.promise("S3")
async def test_a_flood_at_the_depot_moves_what_another_one_can_send_sooner(rma: Harness) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    rma_id = await reserved(rma, Case())
    before = await seen(rma, rma_id)
    await closed_for_ten_days(rma, HCM_DAYS, "Lũ lụt")
    await rma.fire_timers()
    after = await seen(rma, rma_id)
    assert (after["state"], after["depot_id"]) == ("reserved", str(SGP))
    assert after["contract_due"] == before["contract_due"]
    assert kept_labels(after) == [("OUT-1", "void"), ("OUT-2", "ordered"), ("RET-1", "void"), ("RET-2", "ordered")]
    assert await shelves(rma) == {HCM: (1, 0), SGP: (1, 1)}
    [_, moved] = await rma.events(PartReserved)
    assert (moved.moved_from, moved.depot_id) == (HCM, SGP)
    [told] = await rma.events(DeliveryPromiseChanged)
    assert (told.old, told.new) == (date.fromisoformat(before["promise"]["promised"]), moved.promised)
    assert (told.cause, moved.reason) == ("sent from another depot", "a calendar was edited")
    assert [(each["cause"], each["depot_id"]) for each in after["promises"]] == [
        ("reserved", str(HCM)),
        ("moved", str(SGP)),
    ]
    assert "a calendar was edited" in after["promises"][-1]["reason"]


async def test_what_no_depot_can_send_sooner_stays_where_it_is(rma: Harness) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    rma_id = await reserved(rma, Case())
    await closed_for_ten_days(rma, SGP_DAYS, "Lũ lụt")
    await closed_for_ten_days(rma, HCM_DAYS, "Lũ lụt")
    await rma.fire_timers()
    found = await seen(rma, rma_id)
    assert (found["depot_id"], [each["cause"] for each in found["promises"]]) == (str(HCM), ["reserved", "calendar"])


@pytest.mark.promise("S3")
async def test_a_depot_that_closes_for_good_sends_nothing_any_more(rma: Harness) -> None:
    await a_network(rma, camera=2, in_singapore=1)
    first, second = await reserved(rma, Case("first")), await reserved(rma, Case("second"))
    due = (await seen(rma, second))["contract_due"]
    await retire(rma, HCM)
    await rma.fire_timers()
    found = sorted([await seen(rma, each) for each in (first, second)], key=lambda each: each["state"])
    assert [(each["state"], each["depot_id"], each["contract_due"]) for each in found] == [
        ("backordered", None, due),
        ("reserved", str(SGP), due),
    ]
    assert await shelves(rma) == {HCM: (2, 0), SGP: (1, 1)}
    assert len(await rma.events(PartBackordered)) == 1
    await retire(rma, HCM, active=True)
    await rma.fire_timers()
    assert {(await seen(rma, each))["state"] for each in (first, second)} == {"reserved"}


async def test_a_part_that_comes_in_nearer_takes_over_from_a_depot_that_is_late(rma: Harness) -> None:
    await a_network(rma, camera=0, in_singapore=1)
    rma_id = await reserved(rma, Case())
    await closed_for_ten_days(rma, SGP_DAYS, "flood")
    await rma.fire_timers()
    await goods_in(rma, 1, depot_id=HCM)
    await rma.fire_timers()
    found = await seen(rma, rma_id)
    assert (found["depot_id"], found["promises"][-1]["cause"]) == (str(HCM), "moved")
    assert "a part came into stock" in found["promises"][-1]["reason"]


async def test_a_part_that_has_left_is_not_moved(rma: Harness) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    rma_id = await shipped(rma, Case())
    await retire(rma, HCM)
    await rma.fire_timers()
    found = await seen(rma, rma_id)
    assert (found["state"], found["depot_id"]) == ("shipped", str(HCM))
    answer = await rma.post(f"/v1/rmas/{rma_id}/re-source", RE_SOURCE, role="manager")
    assert refused(answer) == (409, "nothing-kept")
    assert len(await rma.events(PartShipped)) == 1


@pytest.mark.parametrize("depot", [None, SGP])
async def test_an_engineer_sends_it_from_another_depot(rma: Harness, depot: UUID | None) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    rma_id = await reserved(rma, Case())
    due = (await seen(rma, rma_id))["contract_due"]
    body = RE_SOURCE | ({"depot_id": str(depot)} if depot else {})
    assert (await rma.post(f"/v1/rmas/{rma_id}/re-source", body, role="customer")).status_code == 403
    found = await made(rma, f"/v1/rmas/{rma_id}/re-source", body, role="engineer")
    assert (found["state"], found["depot_id"], found["contract_due"]) == ("reserved", str(SGP), due)
    assert (await seen(rma, rma_id))["promises"][-1]["reason"] == "the shelf is under water"
    assert await shelves(rma) == {HCM: (1, 0), SGP: (1, 1)}


async def test_a_depot_that_cannot_send_it_is_not_taken(rma: Harness) -> None:
    await a_network(rma, camera=1)
    rma_id = await reserved(rma, Case())
    path = f"/v1/rmas/{rma_id}/re-source"
    assert refused(await rma.post(path, RE_SOURCE, role="manager")) == (409, "no-other-depot")
    nowhere = RE_SOURCE | {"depot_id": str(new_id())}
    assert refused(await rma.post(path, nowhere, role="manager")) == (422, "unknown-reference")
    here = RE_SOURCE | {"depot_id": str(HCM)}
    assert refused(await rma.post(path, here, role="manager")) == (409, "no-other-depot")
    assert (await seen(rma, rma_id))["depot_id"] == str(HCM)
    assert await shelves(rma) == {HCM: (1, 1)}


async def missed(rma: Harness) -> str | None:
    await rma.advance(timedelta(days=5))
    [told] = await rma.events(DeliveryPromiseMissed)
    return told.cause


async def test_a_miss_is_the_depots_when_it_did_not_ship(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    assert await missed(rma) == "depot"
    reasons = [reason["code"] for reason in (await seen(rma, rma_id))["promise"]["reasons"]]
    assert "depot_late" in reasons


async def test_a_miss_is_the_carriers_when_the_parcel_was_on_its_way(rma: Harness) -> None:
    await a_network(rma)
    await shipped(rma, Case())
    assert await missed(rma) == "carrier"


async def test_a_miss_is_the_stocks_when_nobody_had_the_part(rma: Harness) -> None:
    await a_network(rma, camera=0)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed())
    assert await missed(rma) == "stock"


async def test_a_miss_is_the_calendars_when_the_depot_was_flooded(rma: Harness) -> None:
    await a_network(rma)
    await reserved(rma, Case())
    await closed_for_ten_days(rma, HCM_DAYS, "Lũ lụt")
    assert await missed(rma) == "calendar"
