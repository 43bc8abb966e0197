"""What carriers say besides picked up and delivered: kept in their own words, and the promise moves before it has passed."""

import json
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.rma import DeliveryPromiseChanged, PartDelivered, PartLost, PartRefused, ShipmentUpdated
from services.rma.model.shipment import Shipment
from services.rma.tests.builders import Case, goods_in, made, refused, seen
from services.rma.tests.conftest import CarrierCompany
from services.rma.tests.test_carrier import a_notice, parcel, shipped_by_carrier, signed, tell
from tests.support.harness import Harness


async def says(rma: Harness, found: dict[str, Any], status: str, sequence: int, **more: Any) -> None:
    """A notice of the parcel, under a message of its own."""
    at = more.pop("at", None) or (await rma.now()).isoformat()
    id = more.pop("id", f"{status} {sequence}")
    body = json.dumps({**json.loads(a_notice(parcel(found)["reference"], status, sequence, at)), **more}).encode()
    answer = await tell(rma, body, signed(body, id=id))
    assert answer.status_code == 202, answer.text


async def last_told(rma: Harness) -> tuple[str, str | None]:
    told = (await rma.events(ShipmentUpdated))[-1]
    return told.status, told.text


async def promised(rma: Harness, found: dict[str, Any]) -> date:
    return date.fromisoformat((await seen(rma, UUID(found["id"])))["promise"]["promised"])


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("Out for Delivery", ("out_for_delivery", "at the corner")),
        ("available-for-pickup", ("exception", "waits to be picked up: at the corner")),
        ("CUSTOMS_CLEARED", ("in_transit", "cleared by customs: at the corner")),
        ("sorted by a robot", ("in_transit", "the carrier says: sorted by a robot: at the corner")),
    ],
)
async def test_every_word_of_a_carrier_is_taken_kept_and_told(
    rma: Harness, carrier: CarrierCompany, word: str, told: tuple[str, str]
) -> None:
    found = await shipped_by_carrier(rma, Case())
    await says(rma, found, word, 100, text="at the corner", location="Biên Hòa")
    assert await last_told(rma) == told
    assert (await rma.events(ShipmentUpdated))[-1].location == "Biên Hòa"
    async with rma.transaction() as tx:
        [shipment] = await tx.select(Shipment, Shipment.c.direction == "outbound")
    assert (shipment.news[-1].status, shipment.news[-1].text) == (word, None)
    assert (await seen(rma, UUID(found["id"])))["state"] == "shipped"


async def test_the_same_fact_under_another_message_is_told_once(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())
    await says(rma, found, "out_for_delivery", 100, id="a")
    before = len(await rma.events(ShipmentUpdated))
    await says(rma, found, "Out for delivery", 100, id="b")
    assert len(await rma.events(ShipmentUpdated)) == before


@pytest.mark.promise("S3")
async def test_what_comes_after_newer_news_is_told_as_late_and_moves_nothing(
    rma: Harness, carrier: CarrierCompany
) -> None:
    found = await shipped_by_carrier(rma, Case())
    await says(rma, found, "delivered", 160)
    for word, sequence in (("in_transit", 155), ("lost", 154), ("customs_hold", 153)):
        await says(rma, found, word, sequence)
    told = (await rma.events(ShipmentUpdated))[-4:]
    assert [(event.late, event.text) for event in told] == [
        (False, None),
        (True, "told late"),
        (True, "told late: lost by the carrier"),
        (True, "told late: held by customs"),
    ]
    assert not await rma.events(PartLost)
    assert not await rma.events(DeliveryPromiseChanged)


async def test_a_loss_that_was_told_late_loses_no_parcel_and_a_delivery_counts(
    rma: Harness, carrier: CarrierCompany
) -> None:
    found = await shipped_by_carrier(rma, Case())
    await says(rma, found, "in_transit", 160)
    await says(rma, found, "lost", 155)
    assert (await seen(rma, UUID(found["id"])))["state"] == "shipped"
    await says(rma, found, "delivered", 158)
    assert len(await rma.events(PartDelivered)) == 1


@pytest.mark.promise("S3", "S31")
@pytest.mark.parametrize(
    ("word", "cause"), [("attempted", "delivery was attempted, nobody took it"), ("customs_hold", "held by customs")]
)
async def test_an_attempt_or_customs_move_the_promise_before_it_has_passed(
    rma: Harness, carrier: CarrierCompany, word: str, cause: str
) -> None:
    found = await shipped_by_carrier(rma, Case())
    first = await promised(rma, found)
    by = datetime.fromisoformat(found["promise"]["promised_by"])
    await rma.advance(by - timedelta(hours=2) - await rma.now())
    moved = len(await rma.events(DeliveryPromiseChanged))
    await says(rma, found, word, 100)
    [told] = (await rma.events(DeliveryPromiseChanged))[moved:]
    assert (told.old, told.cause, told.changed_at < by) == (first, cause, True)
    assert told.new > first
    assert (
        sum(reason.days for reason in told.reasons if reason.code in ("attempted", "customs"))
        == (told.new - first).days
    )
    if word == "customs_hold":
        await says(rma, found, word, 101)
        assert await promised(rma, found) == told.new, "still held is the same hindrance"
    assert not await rma.events(PartDelivered)


@pytest.mark.promise("S3")
async def test_the_carriers_own_day_is_promised_and_no_calendar_takes_it_back(
    rma: Harness, carrier: CarrierCompany
) -> None:
    found = await shipped_by_carrier(rma, Case())
    first = await promised(rma, found)
    expected = datetime.fromisoformat(found["promise"]["promised_by"]) + timedelta(days=14)
    await says(rma, found, "in_transit", 100, expected_at=expected.isoformat())
    later = await seen(rma, UUID(found["id"]))
    assert date.fromisoformat(later["promise"]["promised"]) == first + timedelta(days=14)
    assert datetime.fromisoformat(later["promise"]["promised_by"]) == expected
    assert later["promises"][-1]["cause"] == "carrier_eta"
    async with rma.transaction() as tx:
        from services.rma.reactions.renew_promise import renew_every_open_promise

        await renew_every_open_promise(tx, "calendar")
    await rma.fire_timers()
    assert await promised(rma, found) == first + timedelta(days=14)
    await says(rma, found, "in_transit", 101, expected_at=(expected - timedelta(days=7)).isoformat())
    assert await promised(rma, found) == first + timedelta(days=7)


async def test_what_is_returned_to_its_sender_waits_for_a_word_and_goes_out_again(
    rma: Harness, carrier: CarrierCompany
) -> None:
    found = await shipped_by_carrier(rma, Case())
    path = f"/v1/rmas/{found['id']}"
    assert refused(await rma.post(f"{path}/send-again", {"reason": "agreed"}, role="depot")) == (
        409,
        "not-possible-now",
    )
    await says(rma, found, "Return to sender", 100)
    back = await seen(rma, UUID(found["id"]))
    assert (back["state"], back["waiting_for"], back["return_state"]) == ("refused", "send_again", "in_transit")
    assert [event.reason for event in await rma.events(PartRefused)] == ["returned to the sender"]

    again = await made(rma, f"{path}/send-again", {"reason": "the office opens at nine"}, role="engineer")
    assert (again["state"], again["return_state"], again["contract_due"]) == (
        "reserved",
        "not_required",
        back["contract_due"],
    )
    assert refused(
        await rma.post(f"{path}/ship", {"serial": "NEW-1", "carrier": "van", "tracking": "2"}, role="depot")
    ) == (409, "not-to-be-sent")
    await made(rma, f"{path}/ship", {"serial": "NEW-2", "carrier": "van", "tracking": "2"}, role="depot")
    came = {"depot_id": back["depot_id"], "part_number": back["part_number"], "quantity": 1, "serials": ["NEW-1"]}
    await made(rma, "/v1/stock/goods-in", came, role="depot")
    await made(rma, f"{path}/deliver", {}, role="depot")
    now = await seen(rma, UUID(found["id"]))
    assert (now["state"], now["return_state"], now["returns"]) == ("delivered", "awaiting_return", "defective")
    unit = (await rma.get("/v1/serials/NEW-1")).json()["units"][0]
    assert [link["what"] for link in unit["chain"]] == ["shipped", "refused", "goods_in"]


async def test_nothing_is_sent_again_that_no_depot_has(rma: Harness, carrier: CarrierCompany) -> None:
    found = await shipped_by_carrier(rma, Case())
    await says(rma, found, "refused", 100)
    body = {"depot_id": found["depot_id"], "part_number": found["part_number"], "counted": 0}
    await made(rma, "/v1/stock/counts", body, role="depot")
    path = f"/v1/rmas/{found['id']}/send-again"
    assert refused(await rma.post(path, {"reason": "agreed"}, role="depot")) == (409, "nothing-to-send")
    await goods_in(rma, 1)
    assert (await made(rma, path, {"reason": "agreed"}, role="depot"))["state"] == "reserved"
