"""What the depot kept is not there or not to be sent: the RMA goes on from elsewhere, and a missing one that is found is free."""

from typing import Any
from uuid import UUID

import pytest

from libs.events.rma import PartBackordered, PartReserved
from services.rma.tests.builders import Case, goods_in, made, refused, reserved, seen
from services.rma.tests.network import CAMERA, HCM, SGP, a_network
from tests.support.harness import Harness


async def shelf(rma: Harness, depot_id: UUID = HCM) -> tuple[int, int, int]:
    """On hand, kept, set aside."""
    rows = (await rma.get(f"/v1/stock?depot_id={depot_id}", role="manager")).json()["items"]
    [row] = [each for each in rows if each["part_number"] == CAMERA]
    return row["on_hand"], row["reserved"], row["quarantined"]


async def pick_short(rma: Harness, rma_id: UUID, what: str = "missing", **more: Any) -> dict[str, Any]:
    return await made(rma, f"/v1/rmas/{rma_id}/short-pick", {"what": what, **more}, role="depot")


@pytest.mark.promise("S2", "S3")
@pytest.mark.parametrize("what", ["missing", "damaged"])
async def test_a_short_pick_goes_on_from_another_depot_under_the_same_contract_date(rma: Harness, what: str) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    rma_id = await reserved(rma, Case())
    before = await seen(rma, rma_id)
    found = await pick_short(rma, rma_id, what)
    assert (found["state"], found["depot_id"], found["contract_due"]) == ("reserved", str(SGP), before["contract_due"])
    assert (await shelf(rma), await shelf(rma, SGP)) == ((0, 0, 1), (1, 1, 0))
    moved = (await rma.events(PartReserved))[-1]
    assert (moved.moved_from, moved.reason) == (HCM, f"short pick: {what}")
    labels = {each["reference"][-5:]: each["state"] for each in (await seen(rma, rma_id))["shipments"]}
    assert (labels["OUT-1"], labels["OUT-2"]) == ("void", "ordered")
    moves = (await rma.get("/v1/stock", role="manager")).json()["items"]
    [here] = [each["id"] for each in moves if each["depot_id"] == str(HCM)]
    [last, *_] = (await rma.get(f"/v1/stock/{here}/movements", role="manager")).json()["items"]
    assert (last["kind"], last["quantity"], last["rma_id"]) == ("short_pick", -1, str(rma_id))


async def test_another_one_of_the_same_shelf_is_taken_first(rma: Harness) -> None:
    await a_network(rma, camera=2, in_singapore=1)
    rma_id = await reserved(rma, Case())
    await made(rma, f"/v1/rmas/{rma_id}/pick", {"serial": "C-1"}, role="depot")
    found = await pick_short(rma, rma_id, "damaged")
    assert (found["state"], found["depot_id"]) == ("reserved", str(HCM))
    assert (await rma.events(PartReserved))[-1].moved_from is None
    assert await shelf(rma) == (1, 1, 1)
    body = {"serial": "C-1", "carrier": "van", "tracking": "1"}
    assert refused(await rma.post(f"/v1/rmas/{rma_id}/ship", body, role="depot")) == (409, "not-to-be-sent")


@pytest.mark.promise("S2")
async def test_the_last_one_that_is_missing_waits_for_stock_and_is_served_when_it_is_found(rma: Harness) -> None:
    await a_network(rma, camera=1)
    rma_id = await reserved(rma, Case())
    due = (await seen(rma, rma_id))["contract_due"]
    assert (await pick_short(rma, rma_id, serial="C-1"))["state"] == "backordered"
    assert len(await rma.events(PartBackordered)) == 1
    assert (await rma.get("/v1/serials/C-1")).json()["units"][0]["place"] == "missing"
    counted = await rma.post(
        "/v1/stock/counts", {"depot_id": str(HCM), "part_number": CAMERA, "counted": 0}, role="depot"
    )
    assert counted.status_code == 201, counted.text

    path = f"/v1/rmas/{rma_id}/found"
    assert refused(await rma.post(path, {}, role="depot", depots=[SGP])) == (404, "missing")
    shown = await made(rma, path, {}, role="depot")
    assert (shown["on_hand"], shown["quarantined"]) == (1, 0)
    assert (await seen(rma, rma_id))["state"] == "backordered", "the find itself changes no RMA"
    await rma.fire_timers()
    served = await seen(rma, rma_id)
    assert (served["state"], served["contract_due"]) == ("reserved", due)
    assert refused(await rma.post(path, {}, role="depot")) == (409, "nothing-missing")


async def test_the_depot_that_missed_one_finds_it_though_the_rma_is_another_depots_by_now(rma: Harness) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    rma_id = await reserved(rma, Case())
    await pick_short(rma, rma_id)
    how = {"role": "depot", "depots": [HCM]}
    assert (await rma.get(f"/v1/rmas/{rma_id}", **how)).status_code == 404
    assert (await made(rma, f"/v1/rmas/{rma_id}/found", {}, **how))["depot_id"] == str(HCM)
    assert (await seen(rma, rma_id))["depot_id"] == str(SGP)


async def test_what_was_damaged_is_not_found_again(rma: Harness) -> None:
    await a_network(rma, camera=2)
    rma_id = await reserved(rma, Case())
    await pick_short(rma, rma_id, "damaged")
    assert refused(await rma.post(f"/v1/rmas/{rma_id}/found", {}, role="depot")) == (409, "nothing-missing")
    await goods_in(rma, 1)
    assert (await seen(rma, rma_id))["state"] == "reserved"
