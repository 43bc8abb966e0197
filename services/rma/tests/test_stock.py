"""Stock under everything that moves it; above all, under many at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.bus.batch import Partition, work
from libs.events.rma import PartBackordered, PartReserved
from libs.events.values import Money
from services.rma.model.depot import Depot, Lane
from services.rma.model.stock import Stock
from services.rma.tests.builders import Case, goods_in, made, refused, reserved, seen
from services.rma.tests.network import CAMERA, HCM, HCM_DAYS, SGP, a_network
from tests.support.harness import Harness


async def stock_of(rma: Harness) -> list[Stock]:
    async with rma.transaction() as tx:
        return await tx.select(Stock, order_by=(Stock.c.depot_id,))


async def ask_at_once(rma: Harness, cases: list[Case], members: int = 24) -> None:
    """Each member is a consumer of its own on a connection of its own, as partitions are; one of many cases hears them as one batch."""

    async def hear(its: list[Case], partition: int) -> None:
        at = Partition("rma", "cases.events", partition)
        async with rma.database.pool.acquire() as connection:
            await connection.execute("INSERT INTO consumer_offsets VALUES ('rma', 'cases.events', $1, 0)", partition)
        facts = [rma.delivery(event) for case in its for event in (case.opened(), case.diagnosed())]
        await work(rma.database, rma.service.handlers, at, 0, facts, next=len(facts))

    await rma.deliver(*[case.covered() for case in cases], together=True)
    shares = [cases[n::members] for n in range(members)]
    await asyncio.gather(*(hear(its, n + 1) for n, its in enumerate(shares) if its))


@pytest.mark.parametrize(("asking", "here", "in_singapore"), [(24, 5, 3), (200, 1, 0)])
async def test_a_part_is_never_promised_twice_however_many_ask_at_once(
    rma: Harness, asking: int, here: int, in_singapore: int
) -> None:
    await a_network(rma, camera=here, in_singapore=in_singapore)
    await ask_at_once(rma, [Case(f"case {n}") for n in range(asking)])
    promised, waiting = await rma.events(PartReserved), await rma.events(PartBackordered)
    assert (len(promised), len(waiting)) == (here + in_singapore, asking - here - in_singapore)
    for row in await stock_of(rma):
        assert row.reserved == sum(event.depot_id == row.depot_id for event in promised)
        assert row.available == 0
        assert row.on_hand == row.reserved


async def test_taking_and_giving_at_once_loses_nothing(rma: Harness) -> None:
    await a_network(rma, camera=1)
    rma_id = await reserved(rma, Case())
    cancelling = asyncio.create_task(rma.post(f"/v1/rmas/{rma_id}/cancel", {"reason": "not needed"}, role="engineer"))
    await asyncio.gather(*(goods_in(rma, 1) for _ in range(5)))
    assert (await cancelling).status_code == 200
    await rma.fire_timers()
    [row] = await stock_of(rma)
    assert (row.on_hand, row.reserved) == (6, 0)


async def test_backorders_are_served_past_their_date_first_then_by_severity_then_by_age(rma: Harness) -> None:
    await a_network(rma, camera=0)
    now = datetime.now(UTC)
    fresh_minor, fresh_critical = Case("minor", at=now), Case("critical", at=now - timedelta(minutes=1))
    old_critical, past = Case("older", at=now - timedelta(minutes=9)), Case("past", at=now - timedelta(days=30))
    for case in (fresh_minor, fresh_critical, old_critical, past):
        await rma.deliver(case.opened(), case.covered(), case.diagnosed())
    for case in (fresh_minor, past):
        await rma.deliver(case.severity("minor", now + timedelta(minutes=1)))

    served = []
    for _ in range(4):
        await goods_in(rma, 1)
        await rma.fire_timers()
        served = [event.case_id for event in await rma.events(PartReserved)]
    assert served == [past.id, old_critical.id, fresh_critical.id, fresh_minor.id]


async def test_the_depot_that_promises_earliest_is_chosen_then_the_cheapest(rma: Harness) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    await reserved(rma, Case("first"))
    await reserved(rma, Case("second"))
    assert [event.depot_id for event in await rma.events(PartReserved)] == [HCM, SGP]


async def test_the_cheaper_of_two_lanes_is_not_the_one_with_the_smaller_number_of_another_currency(
    rma: Harness,
) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    async with rma.transaction() as tx:
        for depot in await tx.select(Depot, lock=True):
            depot.calendar_id = HCM_DAYS
        for lane in await tx.select(Lane, lock=True):
            # a lane of before there was one currency, as fast as the other
            lane.transit_days = 1
            lane.cost = Money(amount_minor=400, currency="KWD") if lane.depot_id == HCM else lane.cost
    await reserved(rma, Case())
    assert [event.depot_id for event in await rma.events(PartReserved)] == [SGP]


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("counts", {"counted": 0}, (409, "not-enough-stock")),
        ("quarantine", {"quantity": 3, "reason": "dented"}, (409, "not-enough-stock")),
        ("quarantine", {"quantity": 1, "reason": "none there", "action": "release"}, (409, "not-enough-stock")),
        ("goods-in", {"quantity": 0}, (422, "/quantity")),
        ("goods-in", {"quantity": 1, "part_number": "P-UNKNOWN"}, (422, "no-such-place")),
        ("goods-in", {"quantity": 1, "colour": "red"}, (422, "/colour")),
    ],
)
async def test_stock_never_goes_below_what_is_kept(
    rma: Harness, path: str, body: dict[str, Any], why: tuple[int, str]
) -> None:
    await a_network(rma)
    await reserved(rma, Case())
    sent = {"depot_id": str(HCM), "part_number": CAMERA, **body}
    assert refused(await rma.post(f"/v1/stock/{path}", sent, role="depot")) == why
    [row] = await stock_of(rma)
    assert (row.on_hand, row.reserved) == (3, 1)


async def test_every_movement_is_on_record_with_who_and_why(rma: Harness) -> None:
    await a_network(rma)
    here = {"depot_id": str(HCM), "part_number": CAMERA}
    await made(rma, "/v1/stock/counts", here | {"counted": 5, "reason": "year end"}, role="depot")
    await made(rma, "/v1/stock/quarantine", here | {"quantity": 2, "reason": "dented boxes"}, role="depot")
    move = {"from_depot_id": str(HCM), "to_depot_id": str(SGP), "part_number": CAMERA, "quantity": 1}
    source, target = (await rma.post("/v1/stock/transfers", move, role="manager")).json()
    assert (source["on_hand"], source["quarantined"], target["on_hand"]) == (2, 2, 1)
    listed = (await rma.get(f"/v1/stock/{source['id']}/movements", role="depot")).json()["items"]
    assert [(each["kind"], each["quantity"]) for each in listed] == [
        ("transfer_out", -1),
        ("quarantine", -2),
        ("count", 2),
        ("goods_in", 3),
    ]
    assert listed[2]["reason"] == "year end"
    assert listed[2]["by"].startswith("depot:")


async def test_a_depot_moves_only_its_own_stock(rma: Harness) -> None:
    await a_network(rma)
    body = {"depot_id": str(HCM), "part_number": CAMERA, "quantity": 1}
    elsewhere = await rma.post("/v1/stock/goods-in", body, role="depot", depots=[SGP])
    assert refused(elsewhere) == (403, "another-depot")
    assert refused(await rma.post("/v1/stock/goods-in", body, role="engineer")) == (403, "forbidden")


async def test_what_runs_low_is_listed(rma: Harness) -> None:
    await a_network(rma)
    low = {"depot_id": str(HCM), "part_number": CAMERA, "reorder_point": 5}
    await made(rma, "/v1/stock/reorder-points", low, role="depot")
    listed = (await rma.get("/v1/stock?below_reorder_point=true", role="manager")).json()["items"]
    assert [each["part_number"] for each in listed] == [CAMERA]
    await goods_in(rma, 9)
    assert (await rma.get("/v1/stock?below_reorder_point=true", role="manager")).json()["items"] == []


async def test_a_substitute_that_comes_in_serves_a_backorder_of_the_part_it_stands_in_for(rma: Harness) -> None:
    await a_network(rma, camera=0)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed())
    await goods_in(rma, 1, "P-CAM-70B")
    await rma.fire_timers()
    found = await seen(rma, case.rma_id)
    assert (found["state"], found["part_number"], found["substitute_for"]) == ("reserved", "P-CAM-70B", CAMERA)
