"""From the diagnosis to a part that is kept, or to a no with its reason."""

import pytest

from libs.events import Event
from libs.events.rma import (
    PartReserved,
    RmaAuthorized,
    RmaDenied,
    RmaRequested,
)
from services.rma.tests.builders import Case, goods_in, made, refused, reserved, seen
from services.rma.tests.network import HCM, NEWER_CAMERA, a_network
from tests.support.harness import Harness


@pytest.mark.promise("S2")
async def test_a_diagnosed_part_of_a_covered_product_is_authorised_and_kept_without_anybody_asking(
    rma: Harness,
) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.diagnosed(), case.covered())

    found = await seen(rma, case.rma_id)
    assert (found["state"], found["part_number"], found["depot_id"]) == ("reserved", "P-CAM-70", str(HCM))
    assert found["promise"]["promised"] <= found["contract_due"]
    told: list[Event] = await rma.events()
    assert [type(event) for event in told] == [RmaRequested, RmaAuthorized, PartReserved]
    [stock] = (await rma.get("/v1/stock", role="depot")).json()["items"]
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (3, 1, 2)


async def test_an_rma_waits_for_its_cover(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.diagnosed())
    found = await seen(rma, case.rma_id)
    assert (found["state"], found["waiting_for"]) == ("requested", "coverage")
    await rma.deliver(case.covered())
    found = await seen(rma, case.rma_id)
    assert (found["state"], found["waiting_for"]) == ("reserved", None)


@pytest.mark.parametrize("state", ["requested", "denied"])
async def test_a_covered_rma_without_a_site_says_so_and_goes_on_when_the_site_is_known(
    rma: Harness, state: str
) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.diagnosed())
    if state == "denied":
        await rma.deliver(case.covered(covered=False))
    await rma.deliver(case.covered(revision=2, site=None))
    found = await seen(rma, case.rma_id)
    assert (found["state"], found["waiting_for"]) == (state, "site")
    await rma.deliver(case.covered(revision=3))
    found = await seen(rma, case.rma_id)
    assert (found["state"], found["waiting_for"]) == ("reserved", None)


async def test_what_is_not_covered_is_denied_with_the_reason_and_the_paid_path(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.diagnosed(), case.covered(covered=False))
    [denied] = await rma.events(RmaDenied)
    assert denied.reason == "not_covered"
    assert denied.paid_path
    assert denied.price
    assert denied.price.amount_minor == 49900
    assert (await seen(rma, case.rma_id))["state"] == "denied"


async def test_a_paid_path_that_was_once_taken_is_read_and_no_new_one_is_empty(rma: Harness) -> None:
    await a_network(rma)
    policy = {"settings": {"paid_path": "Buy it"}, "why": "a text for buyers"}
    await made(rma, "/v1/rma-policies", policy, role="manager")
    async with rma.transaction() as tx:  # as it could be set before
        await tx.connection.execute('UPDATE policies SET settings = \'{"paid_path": ""}\'')
    case = Case()

    await rma.deliver(case.opened(), case.diagnosed(), case.covered(covered=False))

    assert [denied.paid_path for denied in await rma.events(RmaDenied)] == [""]
    policy["settings"] = {"paid_path": " "}
    assert refused(await rma.post("/v1/rma-policies", policy, role="manager")) == (422, "invalid-policy")


async def test_a_denied_rma_is_granted_when_the_cover_comes_after_all(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(
        case.opened(), case.diagnosed(), case.covered(covered=False), case.covered(revision=2, overridden=True)
    )
    assert (await seen(rma, case.rma_id))["state"] == "reserved"
    [granted] = await rma.events(RmaAuthorized)
    assert granted.overridden


async def test_a_manager_overrides_and_nobody_else_does(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.diagnosed(), case.covered(covered=False))
    path, body = f"/v1/rmas/{case.rma_id}/override", {"reason": "goodwill"}
    assert (await rma.post(path, body, role="engineer")).status_code == 403
    assert (await made(rma, path, body, role="manager"))["state"] == "reserved"
    again = await rma.post(path, body, role="manager")
    assert (again.status_code, again.json()["state"], again.json()["possible"]) == (
        409,
        "reserved",
        ["cancel", "re_source"],
    )


async def test_a_part_that_fits_nothing_is_denied_until_a_manager_names_one(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed(component="fan", part_number=None))
    assert (await seen(rma, case.rma_id))["denial"]["reason"] == "no_part_fits"
    body = {"reason": "the camera kit holds the fan", "part_number": "P-CAM-70"}
    assert (await made(rma, f"/v1/rmas/{case.rma_id}/override", body, role="manager"))["state"] == "reserved"


async def test_a_substitute_is_sent_when_the_part_itself_is_out_of_reach(rma: Harness) -> None:
    await a_network(rma, camera=0)
    await goods_in(rma, 1, NEWER_CAMERA)
    await reserved(rma, Case())
    [told] = await rma.events(PartReserved)
    assert (told.part_number, told.substitute_for) == (NEWER_CAMERA, "P-CAM-70")
