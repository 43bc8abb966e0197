"""A part goes into the unit that it is sent for, or is not sent: named, chosen, or standing in for another."""

from typing import Any

import pytest

from libs.events.rma import PartReserved, RmaAuthorized, RmaDenied
from libs.events.values import Product
from services.rma.tests.builders import Case, goods_in, made, refused, reserved, seen
from services.rma.tests.network import CAMERA, NEWER_CAMERA, UNIT, a_network, a_part
from tests.support.harness import Harness

OTHER_UNIT_ONLY = {"fits": [{"product_number": "977L6AA"}]}
REVISION_B_ONLY = {"fits": [{"product_number": UNIT, "hardware_revisions": ["B"]}]}


async def the_newer_camera(rma: Harness, **change: Any) -> None:
    await changed(rma, NEWER_CAMERA, **change)


async def changed(rma: Harness, part_number: str, **change: Any) -> None:
    [part] = (await rma.get(f"/v1/parts?part_number={part_number}", role="manager")).json()["items"]
    answer = await rma.patch(f"/v1/parts/{part['id']}", change, etag=f'"{part["revision"]}"', role="manager")
    assert answer.status_code == 200, answer.text


async def diagnosed_for(rma: Harness, case: Case, revision: str | None, **how: Any) -> dict[str, Any]:
    product = Product(
        product_number=UNIT, serial=case.serial, family="studio", model="Studio X70", hardware_revision=revision
    )
    await rma.deliver(case.opened(), case.covered(product=product), case.diagnosed(**how))
    return await seen(rma, case.rma_id)


@pytest.mark.promise("S2")
@pytest.mark.parametrize(
    ("substitute", "state"),
    [
        (OTHER_UNIT_ONLY, "backordered"),
        (REVISION_B_ONLY, "backordered"),
        ({"active": False}, "backordered"),
        ({}, "reserved"),
    ],
    ids=["of another product", "of another revision", "out of use", "that fits"],
)
@pytest.mark.parametrize("stock_first", [True, False], ids=["kept at once", "served later"])
async def test_a_substitute_is_sent_only_where_it_fits(
    rma: Harness, substitute: dict[str, Any], state: str, *, stock_first: bool
) -> None:
    await a_network(rma, camera=0)
    if substitute:
        await the_newer_camera(rma, **substitute)
    if stock_first:
        await goods_in(rma, 1, NEWER_CAMERA)
    assert (await diagnosed_for(rma, Case(), "A"))["state"] == (state if stock_first else "backordered")
    if not stock_first:
        await goods_in(rma, 1, NEWER_CAMERA)
    await rma.fire_timers()
    assert (await seen(rma, Case().rma_id))["state"] == state


async def test_a_substitute_that_is_named_later_serves_who_waits(rma: Harness) -> None:
    await a_network(rma, camera=0)
    await the_newer_camera(rma, **REVISION_B_ONLY)
    await goods_in(rma, 1, NEWER_CAMERA)
    assert (await diagnosed_for(rma, Case(), "A"))["state"] == "backordered"
    await the_newer_camera(rma, fits=[{"product_number": UNIT}])
    await rma.fire_timers()
    assert (await seen(rma, Case().rma_id))["state"] == "reserved"


async def test_a_part_out_of_use_is_not_sent_and_its_substitute_is(rma: Harness) -> None:
    await a_network(rma)
    await changed(rma, CAMERA, active=False)
    await goods_in(rma, 1, NEWER_CAMERA)
    await reserved(rma, Case())
    [told] = await rma.events(PartReserved)
    assert (told.part_number, told.substitute_for) == (NEWER_CAMERA, CAMERA)


async def test_a_part_out_of_use_without_a_substitute_is_none_that_fits(rma: Harness) -> None:
    await a_network(rma)
    await the_newer_camera(rma, active=False)
    await changed(rma, CAMERA, active=False)
    found = await diagnosed_for(rma, Case(), "A")
    assert (found["state"], found["denial"]["reason"]) == ("denied", "no_part_fits")


@pytest.mark.promise("S2")
async def test_a_part_number_that_the_catalogue_lacks_is_denied_at_once_and_corrected_under_the_same_date(
    rma: Harness,
) -> None:
    await a_network(rma)
    case = Case()
    found = await diagnosed_for(rma, case, "A", part_number="P-CAM-7O")
    assert (found["state"], found["denial"]["reason"]) == ("denied", "no_such_part")
    assert "P-CAM-7O" in found["denial"]["explanation"]
    [told] = await rma.events(RmaDenied)
    assert told.reason == "no_such_part"
    due = found["contract_due"]
    assert due

    path, why = f"/v1/rmas/{case.rma_id}/override", "mistyped"
    unknown = await rma.post(path, {"reason": why, "part_number": "P-CAM-7Q"}, role="manager")
    assert refused(unknown) == (422, "not-in-catalogue")
    assert (await seen(rma, case.rma_id))["state"] == "denied"
    right = await made(rma, path, {"reason": why, "part_number": CAMERA}, role="manager")
    assert (right["state"], right["contract_due"]) == ("reserved", due)
    [granted] = await rma.events(RmaAuthorized)
    assert granted.contract_due.isoformat() == due


async def test_a_manager_who_names_a_part_that_does_not_fit_is_refused(rma: Harness) -> None:
    await a_network(rma)
    await made(rma, "/v1/parts", a_part("P-FAN", component="fan", **OTHER_UNIT_ONLY), role="manager")
    case = Case()
    await rma.deliver(case.opened(), case.covered(covered=False), case.diagnosed())
    body = {"reason": "try it", "part_number": "P-FAN"}
    assert refused(await rma.post(f"/v1/rmas/{case.rma_id}/override", body, role="manager")) == (422, "does-not-fit")


async def test_the_what_if_says_that_the_catalogue_has_no_such_part(rma: Harness) -> None:
    await a_network(rma)
    there = "country=VN&time_zone=Asia/Ho_Chi_Minh"
    assert refused(await rma.get(f"/v1/promises?part_number=NOPE&{there}")) == (422, "not-in-catalogue")


async def test_the_what_if_offers_what_fits_the_unit(rma: Harness) -> None:
    await a_network(rma, camera=0)
    await the_newer_camera(rma, **REVISION_B_ONLY)
    await goods_in(rma, 1, NEWER_CAMERA)
    asked = f"/v1/promises?part_number={CAMERA}&country=VN&time_zone=Asia/Ho_Chi_Minh&product_number={UNIT}"
    offered = {revision: (await rma.get(f"{asked}&hardware_revision={revision}")).json()["offers"] for revision in "AB"}
    assert (len(offered["A"]), len(offered["B"])) == (0, 1)
