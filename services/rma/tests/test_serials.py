"""Serials from the shelf to the customer and back: each unit is in one place, and one that is out is not sent again."""

from typing import Any
from uuid import UUID

import pytest

from libs.events.rma_returns import DefectiveInspected, DefectiveReceived
from services.rma.model.custody import TrackedUnit
from services.rma.tests.builders import Case, delivered, goods_in, made, refused, reserved, seen, shipped
from services.rma.tests.network import CAMERA, HCM, NEWER_CAMERA, SGP, a_network
from tests.support.harness import Harness


async def chain(rma: Harness, serial: str, **how: Any) -> list[tuple[str, str | None]]:
    """The hands that the one unit with this serial went through, and whether for an RMA."""
    found = (await rma.get(f"/v1/serials/{serial}", **how)).json()
    [unit] = found["units"]
    return [(link["what"], link["rma_id"]) for link in unit["chain"]]


async def scanned_in(rma: Harness, *serials: str) -> None:
    body = {"depot_id": str(HCM), "part_number": CAMERA, "quantity": len(serials), "serials": serials}
    await made(rma, "/v1/stock/goods-in", body, role="depot")


async def ship(rma: Harness, rma_id: UUID, **body: Any) -> tuple[int, str]:
    return refused(
        await rma.post(f"/v1/rmas/{rma_id}/ship", {"carrier": "van", "tracking": f"V-{rma_id}", **body}, role="depot")
    )


@pytest.mark.promise("S2")
async def test_one_call_tells_every_hand_that_a_unit_went_through(rma: Harness) -> None:
    await a_network(rma, camera=0)
    await scanned_in(rma, "C-1", "C-2")
    rma_id = await reserved(rma, Case())
    path, own = f"/v1/rmas/{rma_id}", str(rma_id)
    await made(rma, f"{path}/pick", {"serial": "c-1", "part_number": CAMERA}, role="depot")
    sent = await made(rma, f"{path}/ship", {"carrier": "van", "tracking": "V"}, role="depot")
    assert sent["shipped_serial"] == "C-1"
    await made(rma, f"{path}/deliver", {}, role="depot")
    await made(rma, f"{path}/confirm-installed", {"serial": "C-1", "old_serial": "OLD-1"}, role="engineer")
    await made(rma, f"{path}/receive", {"serial": "OLD-1"}, role="depot")
    await made(rma, f"{path}/inspect", {"result": "confirmed"}, role="depot")

    assert await chain(rma, "C-1") == [("goods_in", None), ("picked", own), ("shipped", own), ("installed", own)]
    assert await chain(rma, "OLD-1", role="depot") == [("returned", own), ("set_aside", own)]
    found = (await rma.get("/v1/serials/OLD-1")).json()
    assert [(each["number"], each["it_is"]) for each in found["rmas"]] == [
        (sent["number"], ["awaited_back", "returned"])
    ]
    assert (found["units"][0]["place"], found["units"][0]["depot_id"]) == ("quarantined", str(HCM))
    assert refused(await rma.get("/v1/serials/NEVER-SEEN")) == (404, "no-such-serial")


async def test_a_serial_that_is_out_is_neither_sent_again_nor_taken_in(rma: Harness) -> None:
    await a_network(rma)
    first = await shipped(rma, Case("first"), serial="C-1")
    second = await reserved(rma, Case("second", serial="SN-2"))
    before = await rma.state()
    assert await ship(rma, second, serial="C-1") == (409, "serial-is-out")
    pick = await rma.post(f"/v1/rmas/{second}/pick", {"serial": "C-1"}, role="depot")
    assert (refused(pick), pick.json()["rma_id"]) == ((409, "serial-is-out"), str(first))
    body = {"depot_id": str(HCM), "part_number": CAMERA, "quantity": 1, "serials": ["C-1"]}
    assert refused(await rma.post("/v1/stock/goods-in", body, role="depot")) == (409, "serial-is-out")
    assert await rma.state() == before
    # another part may carry the same serial
    await goods_in(rma, 1, NEWER_CAMERA)
    await made(rma, "/v1/stock/goods-in", body | {"part_number": NEWER_CAMERA}, role="depot")


async def test_the_failed_units_own_serial_is_not_sent_as_its_replacement(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case(serial="SN-9"))
    assert await ship(rma, rma_id, serial="sn-9") == (409, "failed-units-serial")
    assert (await seen(rma, rma_id))["state"] == "reserved"


async def test_what_is_scanned_is_compared_with_what_is_kept_and_with_what_was_picked(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    path = f"/v1/rmas/{rma_id}/pick"
    wrong = await rma.post(path, {"serial": "C-1", "part_number": NEWER_CAMERA}, role="depot")
    assert (refused(wrong), wrong.json()["part_number"]) == ((409, "another-part-scanned"), CAMERA)
    assert await ship(rma, rma_id, serial="C-1", part_number=NEWER_CAMERA) == (409, "another-part-scanned")
    await made(rma, path, {"serial": "C-1"}, role="depot")
    assert await ship(rma, rma_id, serial="C-2") == (409, "another-picked")
    await made(rma, path, {"serial": "C-2"}, role="depot")
    assert [what for what, _ in await chain(rma, "C-1")] == ["picked", "restocked"]
    await made(rma, f"/v1/rmas/{rma_id}/ship", {"carrier": "van", "tracking": "1"}, role="depot")
    assert (await seen(rma, rma_id))["shipped_serial"] == "C-2"


async def test_a_unit_that_was_picked_is_no_other_rmas_until_its_own_lets_go(rma: Harness) -> None:
    await a_network(rma)
    first, second = await reserved(rma, Case("first")), await reserved(rma, Case("second", serial="SN-2"))
    await made(rma, f"/v1/rmas/{first}/pick", {"serial": "C-1"}, role="depot")
    assert await ship(rma, second, serial="C-1") == (409, "not-to-be-sent")
    await made(rma, f"/v1/rmas/{first}/cancel", {"reason": "not needed"}, role="engineer")
    await made(rma, f"/v1/rmas/{second}/ship", {"serial": "C-1", "carrier": "van", "tracking": "1"}, role="depot")


async def test_units_come_in_and_leave_the_quarantine_by_their_serials(rma: Harness) -> None:
    await a_network(rma, camera=0)
    await scanned_in(rma, "C-1", "C-2")
    here = {"depot_id": str(HCM), "part_number": CAMERA}
    for serials in (["C-3"], ["C-3", "C-3"]):
        few = await rma.post("/v1/stock/goods-in", {**here, "quantity": 2, "serials": serials}, role="depot")
        assert few.status_code == 422
    again = await rma.post("/v1/stock/goods-in", {**here, "quantity": 1, "serials": ["C-1"]}, role="depot")
    assert refused(again) == (409, "serial-there")
    aside = {**here, "quantity": 1, "reason": "a dent"}
    await made(rma, "/v1/stock/quarantine", {**aside, "serials": ["C-1"]}, role="depot")
    rma_id = await reserved(rma, Case())
    assert await ship(rma, rma_id, serial="C-1") == (409, "not-to-be-sent")
    nameless = await rma.post("/v1/stock/quarantine", {**aside, "action": "release"}, role="depot")
    assert (refused(nameless), nameless.json()["serials"]) == ((422, "name-the-serials"), ["C-1"])
    await made(rma, "/v1/stock/quarantine", {**aside, "action": "release", "serials": ["C-1"]}, role="depot")
    move = {
        "from_depot_id": str(HCM),
        "to_depot_id": str(SGP),
        "part_number": CAMERA,
        "quantity": 1,
        "serials": ["C-1"],
    }
    await made(rma, "/v1/stock/transfers", move, role="manager")
    found = (await rma.get("/v1/serials/C-1", role="depot")).json()["units"][0]
    assert (found["place"], found["depot_id"]) == ("in_stock", str(SGP))


async def test_a_serialised_return_waits_until_somebody_reads_its_serial(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    path = f"/v1/rmas/{rma_id}"
    found = await made(rma, f"{path}/receive", {}, role="depot")
    assert (found["return_state"], found["waiting_for"]) == ("received", "serial")
    early = await rma.post(f"{path}/inspect", {"result": "confirmed"}, role="depot")
    assert refused(early) == (422, "serial-missing")
    itself = await rma.post(f"{path}/inspect", {"result": "confirmed", "serial": "NEW-1"}, role="depot")
    assert refused(itself) == (409, "other-serial"), "the replacement is not the defective part"
    found = await made(rma, f"{path}/inspect", {"result": "confirmed", "serial": "OLD-1"}, role="depot")
    assert (found["return_state"], found["received_serial"], found["waiting_for"]) == ("inspected", "OLD-1", None)
    assert [event.serial for event in await rma.events(DefectiveInspected)] == ["OLD-1"]


async def test_another_part_than_awaited_is_not_accepted_at_once(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    path = f"/v1/rmas/{rma_id}"
    await made(rma, f"{path}/receive", {"serial": "OLD-1", "part_number": "P-X70"}, role="depot")
    hasty = await rma.post(f"{path}/inspect", {"result": "confirmed"}, role="depot")
    assert (refused(hasty), hasty.json()["possible"]) == ((409, "other-serial"), ["serial_mismatch", "wrong_unit"])
    assert [event.part_number for event in await rma.events(DefectiveReceived)] == ["P-X70"]
    found = await made(rma, f"{path}/inspect", {"result": "wrong_unit"}, role="depot")
    assert found["return_state"] == "awaiting_return"


async def test_what_came_back_unused_can_be_sent_again(rma: Harness) -> None:
    await a_network(rma)
    case = Case("first")
    rma_id = await shipped(rma, case, serial="C-1")
    await rma.deliver(case.cancelled())
    await made(rma, f"/v1/rmas/{rma_id}/deliver", {}, role="depot")
    await made(rma, f"/v1/rmas/{rma_id}/receive", {"serial": "C-1"}, role="depot")
    await made(rma, f"/v1/rmas/{rma_id}/inspect", {"result": "no_fault_found"}, role="depot")
    await shipped(rma, Case("second", serial="SN-2"), serial="C-1")
    async with rma.transaction() as tx:
        [unit] = await tx.select(TrackedUnit, TrackedUnit.c.serial == "C-1")
    assert [link.what for link in unit.chain] == ["shipped", "returned", "restocked", "shipped"]


async def test_scrapped_parts_are_a_movement_of_so_many(rma: Harness) -> None:
    await a_network(rma)
    body = {"depot_id": str(HCM), "part_number": CAMERA, "quantity": 2, "reason": "water damage"}
    for action in ("set_aside", "scrap"):
        stock = await made(rma, "/v1/stock/quarantine", {**body, "action": action}, role="depot")
    moves = (await rma.get(f"/v1/stock/{stock['id']}/movements", role="depot")).json()["items"]
    assert [(each["kind"], each["quantity"]) for each in moves[:2]] == [("scrap", 2), ("quarantine", -2)]
    assert (stock["on_hand"], stock["quarantined"]) == (1, 0)
