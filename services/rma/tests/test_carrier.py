"""Labels bought from the carrier and parcels followed by its notices, over real HTTP."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.waiting import until_async
from deploy.simulators.tests.receiving import PATIENCE, SECRET
from deploy.simulators.tests.test_carrier import a_booking
from libs.events.rma import PartDelivered, PartLost, PartRefused, PartShipped, RmaClosed, ShipmentUpdated
from libs.events.rma_returns import InvoiceSettled
from services.rma.tests.builders import Case, delivered, goods_in, made, refused, reserved, seen
from services.rma.tests.conftest import CarrierCompany
from services.rma.tests.network import SGP, a_network
from tests.support.harness import Harness


def parcel(found: dict[str, Any], direction: str = "outbound") -> dict[str, Any]:
    return next(each for each in found["shipments"] if each["direction"] == direction)


async def with_labels(rma: Harness, case: Case) -> dict[str, Any]:
    """A reserved RMA whose labels are bought."""
    await a_network(rma)
    rma_id = await reserved(rma, case)
    await rma.run_jobs()
    found = await seen(rma, rma_id)
    assert {each["state"] for each in found["shipments"]} == {"bought"}
    return found


async def shipped_by_carrier(rma: Harness, case: Case) -> dict[str, Any]:
    found = await with_labels(rma, case)
    await made(rma, f"/v1/rmas/{found['id']}/ship", {"serial": "NEW-1"}, role="depot")
    return await seen(rma, UUID(found["id"]))


@pytest.mark.promise("S3")
async def test_both_labels_are_bought_by_us_and_the_parcel_leaves_with_them(
    rma: Harness, carrier: CarrierCompany
) -> None:
    found = await shipped_by_carrier(rma, Case())
    out = parcel(found)
    [told] = await rma.events(PartShipped)
    assert (told.tracking, told.carrier) == (out["tracking"], "simulated-express")
    assert (await carrier.http.get(out["label_url"])).content.startswith(b"%PDF")


async def test_a_carrier_that_loses_its_answers_sells_each_label_once(rma: Harness, carrier: CarrierCompany) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    await carrier.faults(lose_answer_rate=1.0)
    async with rma.service.jobs.client() as http:
        assert await rma.service.jobs.run_due(rma.database, http) == 2
    assert {each["state"] for each in (await seen(rma, rma_id))["shipments"]} == {"ordered"}
    await carrier.faults()
    async with rma.database.pool.acquire() as connection:
        await connection.execute("UPDATE jobs SET due_at = clock_timestamp()")
    await rma.run_jobs()
    for each in (await seen(rma, rma_id))["shipments"]:
        assert each["state"] == "bought"
        sold = (await carrier.http.get("/shipments", params={"reference": each["reference"]})).json()["items"]
        assert [one["tracking"] for one in sold] == [each["tracking"]]


async def test_a_carrier_deaf_to_our_search_does_not_hand_us_another_parcels_label(
    rma: Harness, carrier: CarrierCompany
) -> None:
    (await carrier.http.post("/shipments", json=a_booking("OTHER-COMPANY-77"))).raise_for_status()
    await carrier.faults(deaf=True)
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    async with rma.database.pool.acquire() as connection:
        await connection.execute("UPDATE jobs SET attempt = 1")  # an answer was lost, or so it seems
    await rma.run_jobs()
    shipments = (await seen(rma, rma_id))["shipments"]
    assert len(shipments) == 2
    for each in shipments:
        sold = (await carrier.http.get(f"/shipments/{each['tracking']}")).json()
        assert sold["reference"] == each["reference"]


async def test_a_carrier_that_refuses_is_named_and_the_depot_ships_with_its_own_label(
    rma: Harness, carrier: CarrierCompany
) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    await carrier.faults(reject=True)
    await rma.run_jobs()
    answer = await rma.post(f"/v1/rmas/{rma_id}/ship", {"serial": "NEW-1"}, role="depot")
    assert (refused(answer), answer.json()["label"]) == ((409, "no-label-yet"), "refused")
    assert "refuse" in answer.json()["problem"]
    body = {"serial": "NEW-1", "carrier": "depot van", "tracking": "VAN-1"}
    assert (await made(rma, f"/v1/rmas/{rma_id}/ship", body, role="depot"))["carrier"] == "depot van"


@pytest.mark.promise("S19")
async def test_the_parcel_is_followed_to_its_delivery(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())
    await carrier.happens(parcel(found)["tracking"], "delivered")
    found = await seen(rma, UUID(found["id"]))
    assert (found["state"], found["return_state"]) == ("delivered", "awaiting_return")
    assert "delivered" in [event.status for event in await rma.events(ShipmentUpdated)]
    assert len(await rma.events(PartDelivered)) == 1


async def test_what_the_carrier_told_before_the_depot_shipped_is_not_lost(
    rma: Harness, carrier: CarrierCompany
) -> None:
    found = await with_labels(rma, Case())
    await carrier.happens(parcel(found)["tracking"], "delivered")
    assert (await seen(rma, UUID(found["id"])))["state"] == "reserved"
    assert not await rma.events(ShipmentUpdated)
    body = {"serial": "NEW-1"}
    assert (await made(rma, f"/v1/rmas/{found['id']}/ship", body, role="depot"))["state"] == "delivered"


@pytest.mark.parametrize("what", ["lost", "refused"])
async def test_a_parcel_that_does_not_arrive_is_told_and_acted_on(
    rma: Harness, carrier: CarrierCompany, what: str
) -> None:
    found = await shipped_by_carrier(rma, Case())
    await carrier.happens(parcel(found)["tracking"], what)
    found = await seen(rma, UUID(found["id"]))
    assert found["state"] == what
    if what == "lost":
        [lost] = await rma.events(PartLost)
        assert str(lost.replaced_by_rma_id) == found["replaced_by_rma_id"]
    else:
        assert len(await rma.events(PartRefused)) == 1
        assert (found["returns"], found["return_state"]) == ("unused_replacement", "in_transit")
        await made(rma, f"/v1/rmas/{found['id']}/receive", {"serial": "NEW-1"}, role="depot")
        body = {"result": "no_fault_found"}
        assert (await made(rma, f"/v1/rmas/{found['id']}/inspect", body, role="depot"))["closed_at"]


async def test_a_lost_parcel_that_turns_up_is_wanted_back(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())
    for what in ("lost", "delivered"):
        await carrier.happens(parcel(found)["tracking"], what)
    found = await seen(rma, UUID(found["id"]))
    assert (found["state"], found["returns"], found["return_state"]) == (
        "lost",
        "unused_replacement",
        "awaiting_return",
    )
    assert found["return_due"]
    assert found["closed_at"] is None
    await made(rma, f"/v1/rmas/{found['id']}/receive", {"serial": "NEW-1"}, role="depot")
    body = {"result": "no_fault_found"}
    assert (await made(rma, f"/v1/rmas/{found['id']}/inspect", body, role="depot"))["closed_at"]
    assert [event.outcome for event in await rma.events(RmaClosed)] == ["lost", "found"]


async def test_the_way_back_is_followed_until_it_is_lost(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())
    back = parcel(found, "return")["tracking"]
    await carrier.happens(parcel(found)["tracking"], "delivered")
    await carrier.happens(back, "picked-up")
    assert (await seen(rma, UUID(found["id"])))["return_state"] == "in_transit"
    await carrier.happens(back, "lost")
    found = await seen(rma, UUID(found["id"]))
    assert (found["return_state"], found["state"]) == ("lost", "closed")


async def test_what_is_awaited_again_gets_a_label_of_its_own(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())
    rma_id, used = found["id"], parcel(found, "return")["label_url"]
    await made(rma, f"/v1/rmas/{rma_id}/deliver", {}, role="depot")
    await made(rma, f"/v1/rmas/{rma_id}/receive", {"serial": "TOASTER"}, role="depot")
    await made(rma, f"/v1/rmas/{rma_id}/inspect", {"result": "wrong_unit"}, role="depot")
    back = [each for each in (await seen(rma, UUID(rma_id)))["shipments"] if each["direction"] == "return"]
    assert [(each["state"], each["label_url"]) for each in back] == [("bought", used), ("ordered", None)]


@pytest.mark.parametrize("outcome", ["credited", "waived"])
async def test_a_manager_settles_the_charge_for_what_the_carrier_lost_on_its_way_back(
    rma: Harness, carrier: CarrierCompany, outcome: str
) -> None:
    found = await shipped_by_carrier(rma, Case())
    path, body = f"/v1/rmas/{found['id']}/settle", {"outcome": outcome, "reason": "our carrier lost it"}
    await made(rma, f"/v1/rmas/{found['id']}/deliver", {}, role="depot")
    await rma.advance(timedelta(days=40))
    assert (await seen(rma, UUID(found["id"])))["charge"] == "invoiced"
    for what in ("picked-up", "lost"):
        await carrier.happens(parcel(found, "return")["tracking"], what)
    assert (await seen(rma, UUID(found["id"])))["return_state"] == "lost"
    settled = await made(rma, path, body, role="manager")
    assert (settled["charge"], settled["invoice"]["settled"], settled["state"]) == (outcome, outcome, "closed")
    [told] = await rma.events(InvoiceSettled)
    assert (told.outcome, told.invoice_number) == (outcome, settled["invoice"]["number"])
    assert len(await rma.events(RmaClosed)) == 1
    assert refused(await rma.post(path, body, role="manager")) == (409, "nothing-to-settle")


async def test_there_is_nothing_to_settle_for_what_was_lost_before_it_was_charged(
    rma: Harness, carrier: CarrierCompany
) -> None:
    found = await shipped_by_carrier(rma, Case())
    await carrier.happens(parcel(found)["tracking"], "delivered")
    await carrier.happens(parcel(found, "return")["tracking"], "lost")
    body = {"outcome": "waived", "reason": "our carrier lost it"}
    answer = await rma.post(f"/v1/rmas/{found['id']}/settle", body, role="manager")
    assert (refused(answer), answer.json()["possible"]) == ((409, "not-possible-now"), [])


def signed(body: bytes, *, id: str = "msg_1", at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at or time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.digest(key, f"{id}.{stamp}.".encode() + body, hashlib.sha256)).decode()
    return {
        "webhook-id": id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{digest} v1,bm90IGl0",
        "content-type": "application/json",
    }


def a_notice(reference: str, status: str = "delivered", sequence: int = 3, at: str = "2026-03-03T03:30:00Z") -> bytes:
    said = {
        "tracking": "T",
        "reference": reference,
        "status": status,
        "occurred_at": at,
        "sequence": sequence,
        "mood": "fine",
    }
    return json.dumps(said).encode()


async def tell(rma: Harness, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await rma.http.post("/v1/carrier-events", content=body, headers=headers)


async def test_a_notice_that_is_not_the_carriers_changes_nothing(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())

    async def collected() -> bool:
        return await rma.events(ShipmentUpdated) != []

    await until_async(collected, seconds=PATIENCE, otherwise="the carrier told of no collection")
    before = await rma.state()
    body = a_notice(parcel(found)["reference"])
    forged = signed(body, secret="whsec_" + base64.b64encode(b"another secret").decode())
    assert (await tell(rma, body, forged)).status_code == 401
    assert await rma.state() == before


@pytest.mark.usefixtures("secret")
async def test_a_notice_about_a_parcel_that_is_not_ours_is_taken_and_left(rma: Harness) -> None:
    body = a_notice("SOMEBODY-ELSES")
    answer = await tell(rma, body, signed(body))
    assert (answer.status_code, answer.json()["known"]) == (202, False)


async def test_while_the_secret_rotates_the_carrier_is_heard_with_either(
    rma: Harness, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coming = "whsec_" + base64.b64encode(b"the secret that is coming").decode()
    monkeypatch.setenv("POLYPLUS_CARRIER_WEBHOOK_SECRET", f"{coming} {secret}")
    body = a_notice("SOMEBODY-ELSES")
    for either in (secret, coming):
        assert (await tell(rma, body, signed(body, secret=either))).status_code == 202


async def test_notices_in_any_order_and_twice_end_the_same(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())
    reference, at = parcel(found)["reference"], (await rma.now()).isoformat()
    for id, status, sequence in (("d", "delivered", 9), ("p", "picked_up", 7), ("d", "delivered", 9), ("l", "lost", 8)):
        body = a_notice(reference, status, sequence, at)
        assert (await tell(rma, body, signed(body, id=id))).status_code == 202
    found = await seen(rma, UUID(found["id"]))
    assert found["state"] == "delivered"
    assert len(await rma.events(PartDelivered)) == 1
    assert not await rma.events(PartLost)


async def test_what_is_heard_of_the_way_back_before_its_label_is_recorded_is_acted_on_then(
    rma: Harness, carrier: CarrierCompany
) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())  # by the depot's van: the return label is still being bought
    back, at = parcel(await seen(rma, rma_id), "return"), (await rma.now()).isoformat()
    for id, status, sequence in (("l", "lost", 2), ("p", "picked_up", 1)):
        body = a_notice(back["reference"], status, sequence, at)
        assert (await tell(rma, body, signed(body, id=id))).status_code == 202
    assert (back["state"], (await seen(rma, rma_id))["return_state"]) == ("ordered", "awaiting_return")
    await rma.run_jobs()
    await rma.fire_timers()
    assert (await seen(rma, rma_id))["return_state"] == "lost"
    assert [event.status for event in await rma.events(ShipmentUpdated)] == ["picked_up", "exception"]
    body = a_notice(back["reference"], "in_transit", 3, at)
    await tell(rma, body, signed(body, id="t"))
    assert len(await rma.events(ShipmentUpdated)) == 3


async def test_a_parcel_abroad_with_a_battery_names_its_papers(rma: Harness, carrier: CarrierCompany) -> None:
    await a_network(rma)
    await goods_in(rma, 1, "P-X70", depot_id=SGP)
    rma_id = await reserved(rma, Case(), part_number=None, whole_unit=True, component="unit")
    papers = parcel(await seen(rma, rma_id))["papers"]
    assert papers == ["commercial_invoice", "customs_declaration", "lithium_battery_declaration"]
