"""From the kept part to the part in place, through the routes."""

import re
from datetime import timedelta
from typing import Any

import pytest

from libs.events.rma import (
    DeliveryPromiseMissed,
    PartBackordered,
    PartDeadOnArrival,
    PartDelivered,
    PartLost,
    PartShipped,
    ReplacementInstalled,
    RmaCancelled,
    RmaClosed,
    RmaRequested,
)
from libs.store.ids import derived
from services.rma.tests.builders import (
    ACCOUNT,
    OTHER_ACCOUNT,
    Case,
    delivered,
    goods_in,
    made,
    refused,
    reserved,
    seen,
    shipped,
)
from services.rma.tests.network import HCM, SGP, a_network
from tests.support.harness import Harness
from tests.support.summaries import shows_one_line_of_each


@pytest.mark.promise("S3")
async def test_the_part_ships_before_the_defective_one_comes_back(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await shipped(rma, case)
    [told] = await rma.events(PartShipped)
    assert (told.serial, told.carrier, told.rma_id) == ("NEW-1", "depot van", rma_id)
    found = await seen(rma, rma_id, role="customer", accounts=[ACCOUNT])
    assert (found["state"], found["return_state"], found["tracking"]) == ("shipped", "awaiting_return", f"VAN-{rma_id}")
    [stock] = (await rma.get("/v1/stock", role="depot")).json()["items"]
    assert (stock["on_hand"], stock["reserved"]) == (2, 0)


async def test_shipping_without_a_label_says_that_it_is_not_there_yet(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    answer = await rma.post(f"/v1/rmas/{rma_id}/ship", {"serial": "NEW-1"}, role="depot")
    assert (refused(answer), answer.json()["label"]) == ((409, "no-label-yet"), "ordered")
    assert (await seen(rma, rma_id))["state"] == "reserved"


async def test_a_serialised_part_is_not_shipped_without_its_serial(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    answer = await rma.post(f"/v1/rmas/{rma_id}/ship", {"carrier": "van", "tracking": "1"}, role="depot")
    assert refused(answer) == (422, "serial-missing")
    assert not await rma.events(PartShipped)


async def test_a_depot_sees_and_ships_only_its_own(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    body = {"serial": "NEW-1", "carrier": "van", "tracking": "1"}
    assert (await rma.post(f"/v1/rmas/{rma_id}/ship", body, role="depot", depots=[SGP])).status_code == 404
    assert (await rma.get("/v1/rmas", role="depot", depots=[SGP])).json()["items"] == []
    assert (await made(rma, f"/v1/rmas/{rma_id}/ship", body, role="depot", depots=[HCM]))["state"] == "shipped"


async def test_another_account_finds_nothing(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    stranger: dict[str, Any] = {"role": "customer", "accounts": [OTHER_ACCOUNT]}
    assert (await rma.get(f"/v1/rmas/{rma_id}", **stranger)).status_code == 404
    assert (await rma.get("/v1/rmas", **stranger)).json()["items"] == []
    for action, body in (("confirm-installed", {}), ("dead-on-arrival", {"symptom": "dark"})):
        assert (await rma.post(f"/v1/rmas/{rma_id}/{action}", body, **stranger)).status_code == 404
    assert (await rma.get("/v1/rmas", role="customer", accounts=[ACCOUNT])).json()["items"][0]["id"] == str(rma_id)


async def test_the_customer_confirms_the_part_and_the_installation_is_told_once(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    mine: dict[str, Any] = {"role": "customer", "accounts": [ACCOUNT]}
    wrong = await rma.post(f"/v1/rmas/{rma_id}/confirm-installed", {"serial": "XYZ"}, **mine)
    assert refused(wrong) == (409, "another-serial")
    await made(rma, f"/v1/rmas/{rma_id}/confirm-installed", {"serial": "NEW-1", "old_serial": "OLD-1"}, **mine)
    again = await rma.post(f"/v1/rmas/{rma_id}/confirm-installed", {}, **mine)
    assert refused(again) == (409, "not-installable")
    [told] = await rma.events(ReplacementInstalled)
    assert (told.unit_serial, told.old_serial, told.new_serial, told.whole_unit) == ("SN-1", "OLD-1", "NEW-1", False)
    assert told.installed_by == "customer"
    assert re.fullmatch(r"customer:[0-9a-f-]{36}", told.by or "")


async def test_a_whole_unit_names_the_old_serial_and_the_new(rma: Harness) -> None:
    await a_network(rma)
    await goods_in(rma, 1, "P-X70")
    rma_id = await delivered(rma, Case(), part_number=None, whole_unit=True, component="unit", serial="SN-2")
    await made(rma, f"/v1/rmas/{rma_id}/confirm-installed", {}, role="engineer")
    [told] = await rma.events(ReplacementInstalled)
    assert (told.product_number, told.old_serial, told.new_serial, told.unit_serial) == ("X70", "SN-1", "SN-2", None)
    assert told.new_product_number is None


@pytest.mark.promise("S2")
@pytest.mark.parametrize("how", ["lost", "dead-on-arrival"])
async def test_a_part_that_is_lost_or_dead_is_replaced_at_once_by_a_linked_rma(rma: Harness, how: str) -> None:
    await a_network(rma)
    case = Case()
    first = await (shipped(rma, case) if how == "lost" else delivered(rma, case))
    body = {"reason": "searched for"} if how == "lost" else {"symptom": "stays dark"}
    key = "the same key"
    for _ in range(2):
        answer = await rma.post(f"/v1/rmas/{first}/{how}", body, role="engineer", key=key)
        assert answer.status_code == 200, answer.text

    second = derived(first, "rma")
    old, new = await seen(rma, first), await seen(rma, second)
    assert (old["state"], old["replaced_by_rma_id"]) == (how.replace("-", "_"), str(second))
    assert (new["state"], new["replaces_rma_id"], new["contract_due"]) == ("reserved", str(first), old["contract_due"])
    lost, dead = await rma.events(PartLost), await rma.events(PartDeadOnArrival)
    assert [event.replaced_by_rma_id for event in lost] + [event.replaced_by_rma_id for event in dead] == [second]
    assert len(await rma.events(RmaRequested)) == 2
    if how == "lost":
        assert old["return_state"] == "not_required"
        assert [event.outcome for event in await rma.events(RmaClosed)] == ["lost"]
    else:
        assert (old["return_state"], old["return_serial"]) == ("awaiting_return", "NEW-1")


@pytest.mark.parametrize("how", ["lost", "dead-on-arrival"])
async def test_a_missed_contract_date_is_not_told_again_by_the_rma_that_follows(rma: Harness, how: str) -> None:
    await a_network(rma)
    first = await shipped(rma, Case())
    await rma.advance(timedelta(days=14))
    if how == "dead-on-arrival":
        await made(rma, f"/v1/rmas/{first}/deliver", {}, role="depot")
    body = {"reason": "searched for"} if how == "lost" else {"symptom": "stays dark"}
    await made(rma, f"/v1/rmas/{first}/{how}", body, role="engineer")
    await rma.advance(timedelta(days=1))
    assert (await seen(rma, derived(first, "rma")))["contract_missed"]
    assert [missed.rma_id for missed in await rma.events(DeliveryPromiseMissed)] == [first]


async def test_a_cancelled_case_cancels_what_has_not_shipped_and_gives_the_part_back(rma: Harness) -> None:
    await a_network(rma, camera=1)
    case, other = Case(), Case("other")
    await reserved(rma, case)
    await rma.deliver(other.opened(), other.covered(), other.diagnosed())
    assert len(await rma.events(PartBackordered)) == 1
    await rma.deliver(case.cancelled())
    await rma.fire_timers()
    assert (await seen(rma, case.rma_id))["state"] == "cancelled"
    assert len(await rma.events(RmaCancelled)) == 1
    assert (await seen(rma, other.rma_id))["state"] == "reserved"


async def test_commands_on_a_cancelled_case_are_refused_and_name_the_state(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await delivered(rma, case)
    await rma.deliver(case.cancelled())
    answer = await rma.post(f"/v1/rmas/{rma_id}/confirm-installed", {}, role="engineer")
    assert (refused(answer), answer.json()["state"]) == ((422, "case-closed-to-commands"), "cancelled")
    assert answer.json()["possible"] == ["open a new case"]


async def test_a_withdrawn_diagnosis_stops_what_has_not_shipped_and_leaves_the_rest(rma: Harness) -> None:
    await a_network(rma)
    kept, gone = Case("kept"), Case("gone")
    await shipped(rma, kept)
    await reserved(rma, gone)
    await rma.deliver(kept.withdrawn(), gone.withdrawn())
    assert (await seen(rma, kept.rma_id))["state"] == "shipped"
    assert (await seen(rma, gone.rma_id))["state"] == "cancelled"


async def test_cancelling_by_hand_ends_when_it_has_shipped(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await shipped(rma, Case())
    answer = await rma.post(f"/v1/rmas/{rma_id}/cancel", {"reason": "too late"}, role="engineer")
    assert (answer.status_code, answer.json()["possible"]) == (409, ["deliver", "lost"])


@pytest.mark.promise("S3")
async def test_a_contract_date_that_passes_undelivered_is_told_once(rma: Harness) -> None:
    await a_network(rma, camera=0)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed())
    await rma.advance(timedelta(days=14))
    [missed] = await rma.events(DeliveryPromiseMissed)
    assert missed.contract_due.isoformat() == (await seen(rma, case.rma_id))["contract_due"]


@pytest.mark.promise("S3")
async def test_a_delivery_says_whether_it_was_in_time(rma: Harness) -> None:
    await a_network(rma)
    await delivered(rma, Case())
    [told] = await rma.events(PartDelivered)
    assert told.in_time


async def test_who_received_the_part_stands_on_the_rma_and_nowhere_else(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    found = await seen(rma, rma_id)
    assert found.pop("received_by") == "Lan"
    [told] = await rma.events(PartDelivered)
    assert "Lan" not in found["history"][-1]["reason"] + told.model_dump_json()


async def test_a_delivery_cannot_lie_in_the_future_or_before_the_shipment(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await shipped(rma, Case())
    now = await rma.now()
    for wrong in (now + timedelta(hours=1), now - timedelta(days=1)):
        body = {"delivered_at": wrong.isoformat()}
        assert refused(await rma.post(f"/v1/rmas/{rma_id}/deliver", body, role="depot")) == (422, "not-in-order")
    assert not await rma.events(PartDelivered)


async def test_a_board_reads_one_line_of_each_rma(rma: Harness) -> None:
    await a_network(rma)
    await goods_in(rma, 2)
    for name in ("one", "two"):
        await reserved(rma, Case(name))
    for how in ({"role": "depot", "depots": [HCM]}, {"role": "customer", "accounts": [ACCOUNT]}):
        await shows_one_line_of_each(rma, "/v1/rmas", **how)
