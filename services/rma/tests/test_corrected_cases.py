"""The case's unit or site is corrected: what has not shipped is decided anew, with its stock given back; the rest stays."""

from typing import Any
from uuid import UUID

import pytest

from libs.events.rma import DeliveryPromiseMissed, PartReserved, RmaAuthorized, RmaDenied, RmaRequested
from libs.events.values import Contact, Product, Site
from services.rma.model.rma import Rma
from services.rma.tests.builders import MONDAY_MORNING, SITE, Case, goods_in, made, reserved, seen, shipped
from services.rma.tests.network import CAMERA, NEWER_CAMERA, UNIT, a_network, a_part
from tests.support.harness import Harness

BRANCH: Site = SITE.model_copy(update={"site_id": UUID("0192d000-0000-7000-8000-0000000000e2"), "city": "Hà Nội"})
OTHER_UNIT = Product(product_number=UNIT, serial="SN-2", family="studio", model="Studio X70")


async def stock(rma: Harness) -> tuple[int, int]:
    """On hand, and kept, of all of it."""
    rows = (await rma.get("/v1/stock", role="depot")).json()["items"]
    return sum(each["on_hand"] for each in rows), sum(each["reserved"] for each in rows)


def said(found: dict[str, Any]) -> list[str]:
    return [each["state"] for each in found["history"]]


async def test_a_part_kept_for_the_wrong_site_is_kept_for_the_right_one(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await reserved(rma, case)
    await rma.deliver(case.covered(revision=2, site=BRANCH, corrections=1))

    found = await seen(rma, rma_id)
    assert (found["state"], found["ship_to"]["city"]) == ("reserved", "Hà Nội")
    assert said(found) == ["requested", "authorized", "reserved", "requested", "authorized", "reserved"]
    assert found["history"][3]["reason"] == "the case's site was corrected"
    assert await stock(rma) == (3, 1)
    assert [each.reason for each in await rma.events(RmaRequested)] == [None, "the case's site was corrected"]
    assert len(await rma.events(RmaAuthorized)) == len(await rma.events(PartReserved)) == 2


async def test_the_contract_date_moves_with_the_site_and_is_missed_once_more(rma: Harness) -> None:
    """Where the published cut-off is eight, a diagnosis at ten is one of the next day."""
    await a_network(rma)
    case = Case(at=MONDAY_MORNING)
    rma_id = await reserved(rma, case)
    await rma.fire_timers()
    before = await seen(rma, rma_id)
    [missed] = await rma.events(DeliveryPromiseMissed)
    early = case.covered(revision=2, site=BRANCH, corrections=1, published_cut_off="08:00")
    await rma.deliver(early)
    found = await seen(rma, rma_id)

    assert (before["contract_due"], before["contract_missed"]) == (missed.contract_due.isoformat(), True)
    assert (found["contract_due"], found["contract_missed"]) == ("2026-03-04", False)
    assert (await rma.events(RmaAuthorized))[-1].contract_due.isoformat() == "2026-03-04"
    await rma.fire_timers()
    assert [each.contract_due.isoformat() for each in await rma.events(DeliveryPromiseMissed)] == [
        "2026-03-03",
        "2026-03-04",
    ]


async def test_what_the_right_unit_is_not_covered_for_is_denied_and_its_part_given_back(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await reserved(rma, case)
    await rma.deliver(case.covered(revision=2, covered=False, product=None, corrections=1))

    found = await seen(rma, rma_id)
    assert (found["state"], found["contract_due"], found["promise"], found["depot_id"]) == ("denied", None, None, None)
    assert await stock(rma) == (3, 0)
    assert [each.reason for each in await rma.events(RmaDenied)] == ["not_covered"]


@pytest.mark.parametrize("wrong", ["unit", "site"])
async def test_one_that_waits_for_stock_is_decided_anew_too(rma: Harness, wrong: str) -> None:
    await a_network(rma, camera=0)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed())
    assert (await seen(rma, case.rma_id))["state"] == "backordered"
    right: dict[str, Any] = {"product": OTHER_UNIT} if wrong == "unit" else {"site": BRANCH}
    await rma.deliver(case.covered(revision=2, corrections=1, **right))

    found = await seen(rma, case.rma_id)
    assert said(found)[2:] == ["backordered", "requested", "authorized", "backordered"]
    assert (found["serial"] == "SN-2", found["ship_to"]["city"] == "Hà Nội") == (wrong == "unit", wrong == "site")
    await goods_in(rma, 1)
    await rma.fire_timers()
    assert ((await seen(rma, case.rma_id))["state"], await stock(rma)) == ("reserved", (1, 1))


async def test_what_has_shipped_stays(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await shipped(rma, case)
    await rma.deliver(case.covered(revision=2, site=BRANCH, product=OTHER_UNIT, corrections=1))

    found = await seen(rma, rma_id)
    assert (found["state"], found["ship_to"]["city"], found["serial"]) == ("shipped", "Ho Chi Minh City", "SN-1")


async def test_a_contact_is_corrected_and_a_unit_moves_without_another_decision(rma: Harness) -> None:
    await a_network(rma)
    case = Case(at=MONDAY_MORNING)
    rma_id = await reserved(rma, case)
    due = (await seen(rma, rma_id))["contract_due"]
    nobody = Contact(contact_id=UUID(int=9), language="en")
    await rma.deliver(case.covered(revision=2, contact=nobody, corrections=1, published_cut_off="08:00"))
    # The unit moves later on, which is no correction.
    await rma.deliver(case.covered(revision=3, site=BRANCH, corrections=1, published_cut_off="08:00"))

    found = await seen(rma, rma_id)
    assert (said(found), found["ship_to"]["city"]) == (["requested", "authorized", "reserved"], "Hà Nội")
    assert (found["contract_due"], found["contact"]["contact_id"]) == (due, str(case.covered().contact.contact_id))  # type: ignore[union-attr]


async def test_one_that_waits_for_a_site_gets_it(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.diagnosed(), case.covered(site=None))
    assert (await seen(rma, case.rma_id))["waiting_for"] == "site"
    await rma.deliver(case.covered(revision=2, site=BRANCH, corrections=1))
    assert (await seen(rma, case.rma_id))["state"] == "reserved"


async def test_a_part_in_place_of_a_lost_one_goes_to_the_right_site(rma: Harness) -> None:
    """The first one had left for the wrong site."""
    await a_network(rma)
    case = Case()
    rma_id = await shipped(rma, case)
    await rma.deliver(case.covered(revision=2, site=BRANCH, corrections=1))
    lost = await made(rma, f"/v1/rmas/{rma_id}/lost", {"reason": "stolen"}, role="manager")

    second = await seen(rma, UUID(lost["replaced_by_rma_id"]))
    assert (second["state"], second["ship_to"]["city"]) == ("reserved", "Hà Nội")
    assert await stock(rma) == (2, 1)


async def test_a_managers_grant_against_the_cover_outlives_a_corrected_contact(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    no: dict[str, Any] = {"covered": False, "plan": None}
    await rma.deliver(case.opened(), case.diagnosed(), case.covered(**no))
    await made(rma, f"/v1/rmas/{case.rma_id}/override", {"reason": "goodwill"}, role="manager")
    await rma.deliver(case.covered(revision=2, corrections=1, **no))
    assert (await seen(rma, case.rma_id))["state"] == "reserved"


async def test_another_revision_of_the_unit_may_take_another_part(rma: Harness) -> None:
    """A part that was reserved for the wrong unit does not fit the right one, another does."""
    await a_network(rma)
    await goods_in(rma, 1, NEWER_CAMERA)
    await made(
        rma, "/v1/parts", {**a_part("P-CAM-72"), "fits": [{"product_number": "X72"}], "substitutes": []}, role="manager"
    )
    await goods_in(rma, 1, "P-CAM-72")
    case = Case()
    await reserved(rma, case, part_number=None)
    right = Product(product_number="X72", serial="SN-72", family="studio", model="Studio X72")
    await rma.deliver(case.covered(revision=2, product=right, corrections=1))

    async with rma.transaction() as tx:
        found = await Rma.get(case.rma_id, tx)
        assert (found.state, found.part_number, found.product_number) == ("reserved", "P-CAM-72", "X72")
    kept = {
        each["part_number"]: each["reserved"] for each in (await rma.get("/v1/stock", role="depot")).json()["items"]
    }
    assert kept == {CAMERA: 0, NEWER_CAMERA: 0, "P-CAM-72": 1}
