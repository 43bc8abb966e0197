"""A promise that is kept up to date: the contract date never moves, the forecast does, and says why."""

from datetime import date, timedelta
from typing import Any

import pytest

from libs.events.rma import DeliveryPromiseChanged, PartReserved
from services.rma.tests.builders import BRANCH, SITE, Case, made, refused, reserved, seen, shipped
from services.rma.tests.network import CAMERA, HCM, HCM_DAYS, VN_DAYS, a_network, days, vietnam
from tests.support.harness import Harness


async def closed_for_ten_days(rma: Harness, calendar_id: Any, why: str) -> None:
    """Edits the calendar so that today and the nine days after are closed."""
    path = f"/v1/depot-calendars/{calendar_id}"
    today = (await rma.now()).date()
    closed = [{"date": (today + timedelta(days=n)).isoformat(), "name": why} for n in range(-1, 11)]
    if calendar_id == VN_DAYS:
        await rma.learn({VN_DAYS: vietnam(closed=closed)}, version=2)
        return
    read = await rma.get(path, role="manager")
    body = {"data": {**read.json()["data"], "closed": closed}, "why": why}
    answer = await rma.patch(path, body, etag=read.headers["etag"], role="manager")
    assert answer.status_code == 200, answer.text


@pytest.mark.promise("S3")
@pytest.mark.parametrize("where", [HCM_DAYS, VN_DAYS], ids=["depot", "destination"])
async def test_an_edit_to_a_calendar_moves_every_open_promise_and_no_contract_date(rma: Harness, where: Any) -> None:
    await a_network(rma)
    first, second = await reserved(rma, Case("first")), await reserved(rma, Case("second"))
    before = [await seen(rma, each) for each in (first, second)]
    await closed_for_ten_days(rma, where, "Lũ lụt")
    await rma.fire_timers()
    after = [await seen(rma, each) for each in (first, second)]
    assert [each["contract_due"] for each in after] == [each["contract_due"] for each in before]
    told = await rma.events(DeliveryPromiseChanged)
    assert {event.rma_id for event in told} == {first, second}
    for event, old, new in zip(sorted(told, key=lambda e: e.rma_id != first), before, after, strict=True):
        assert (event.old, event.new) == (
            date.fromisoformat(old["promise"]["promised"]),
            date.fromisoformat(new["promise"]["promised"]),
        )
        assert event.old
        assert event.new > event.old
        assert any("Lũ lụt" in reason.text for reason in event.reasons)


async def test_an_edit_that_changes_no_date_tells_nothing(rma: Harness) -> None:
    await a_network(rma)
    await reserved(rma, Case())
    await rma.learn({VN_DAYS: vietnam(closed=[{"date": "2049-01-01", "name": "far away"}])}, version=2)
    assert await rma.fire_timers() == 2  # the promise, and the free stock that a backorder could want
    assert not await rma.events(DeliveryPromiseChanged)


async def test_a_calendar_is_not_edited_over_somebody_elses_edit(rma: Harness) -> None:
    await a_network(rma)
    body = {"data": days("Asia/Ho_Chi_Minh"), "why": "just so"}
    assert (await rma.patch(f"/v1/depot-calendars/{HCM_DAYS}", body, etag='"99"', role="manager")).status_code == 412
    assert (await rma.request("PATCH", f"/v1/depot-calendars/{HCM_DAYS}", body, role="manager")).status_code == 428


async def test_a_part_that_misses_the_cut_off_is_promised_for_later(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    old = await seen(rma, rma_id)
    await rma.advance(timedelta(days=8))
    told = await rma.events(DeliveryPromiseChanged)
    assert {event.cause for event in told} == {"not shipped before the depot's cut-off"}
    assert told[0].old == date.fromisoformat(old["promise"]["promised"])
    new = await seen(rma, rma_id)
    assert new["promise"]["departs_at"] > (await rma.now()).isoformat()
    assert new["contract_due"] == old["contract_due"]


@pytest.mark.promise("S31")
async def test_a_parcel_that_does_not_arrive_when_promised_is_promised_again(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await shipped(rma, Case())
    promise = (await seen(rma, rma_id))["promise"]
    await rma.advance(timedelta(days=7))
    told = await rma.events(DeliveryPromiseChanged)
    assert told[0].old == date.fromisoformat(promise["promised"])
    assert told[0].cause == "not delivered when promised"
    assert told[0].reasons[-1].code == "carrier_late"
    assert told[-1].promised_by > await rma.now() - timedelta(hours=2)


async def test_an_address_that_changes_before_the_part_leaves_gets_labels_of_its_own(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await reserved(rma, case)
    await rma.learn({SITE.site_id: BRANCH}, version=2)
    await rma.deliver(case.covered(revision=2, site=SITE.model_copy(update={"revision": 2})))
    found = await seen(rma, rma_id)
    assert (found["address"]["name"], found["waiting_for"]) == ("Branch", None)
    labels = [(each["direction"], each["reference"][-5:], each["state"]) for each in found["shipments"]]
    assert sorted(labels) == [
        ("outbound", "OUT-1", "void"),
        ("outbound", "OUT-2", "ordered"),
        ("return", "RET-1", "void"),
        ("return", "RET-2", "ordered"),
    ]


async def test_a_lane_that_takes_longer_moves_the_promise(rma: Harness) -> None:
    await a_network(rma, camera=0, in_singapore=1)
    rma_id = await reserved(rma, Case())
    [lane] = [
        each for each in (await rma.get("/v1/lanes", role="manager")).json()["items"] if each["transit_days"] == 2
    ]
    answer = await rma.patch(
        f"/v1/lanes/{lane['id']}", {"transit_days": 14}, etag=f'"{lane["revision"]}"', role="manager"
    )
    assert answer.status_code == 200
    await rma.fire_timers()
    [told] = await rma.events(DeliveryPromiseChanged)
    assert told.rma_id == rma_id
    assert told.old
    assert told.new > told.old
    assert told.cause == "a depot or lane was edited"


@pytest.mark.promise("S3")
async def test_the_what_if_gives_both_dates_with_reasons_and_keeps_nothing(rma: Harness) -> None:
    await a_network(rma, camera=1, in_singapore=1)
    query = f"part_number={CAMERA}&country=VN&time_zone=Asia/Ho_Chi_Minh&at=2026-03-02T08:30:00%2B00:00"  # Monday 15:30 there
    answer = await rma.get(f"/v1/promises?{query}", role="customer")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["contract_due"] == "2026-03-04"
    assert [(each["depot_code"], each["promised"]) for each in found["offers"]] == [
        ("HCM", "2026-03-04"),
        ("SGP", "2026-03-05"),
    ]
    assert [reason["code"] for reason in found["offers"][0]["reasons"]] == ["depot_cut_off", "transit"]
    assert not await rma.events(PartReserved)
    nowhere = await rma.get(f"/v1/promises?{query.replace('Ho_Chi', 'Nowhere')}", role="customer")
    assert refused(nowhere) == (422, "no-time-zone")


async def test_the_depots_cut_off_is_a_policy_until_the_depot_has_its_own(rma: Harness) -> None:
    await a_network(rma)
    query = f"part_number={CAMERA}&country=VN&time_zone=Asia/Ho_Chi_Minh&at=2026-03-02T08:30:00%2B00:00"
    policy = {"settings": {"depot_cut_off": "17:00"}, "region": "VN", "why": "a later lorry"}
    await made(rma, "/v1/rma-policies", policy, role="manager")
    assert (await rma.get(f"/v1/promises?{query}")).json()["offers"][0]["promised"] == "2026-03-03"
    depot = await rma.get(f"/v1/depots/{HCM}", role="manager")
    await rma.patch(f"/v1/depots/{HCM}", {"cut_off": "12:00"}, etag=depot.headers["etag"], role="manager")
    assert (await rma.get(f"/v1/promises?{query}")).json()["offers"][0]["promised"] == "2026-03-04"


async def test_a_lane_that_opens_reaches_those_who_waited_for_one(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    abroad = SITE.model_copy(update={"country": "TH", "time_zone": "Asia/Bangkok"})
    await rma.deliver(case.opened(), case.covered(site=abroad), case.diagnosed())
    assert (await seen(rma, case.rma_id))["state"] == "backordered"
    cost = {"amount_minor": 900, "currency": "USD"}
    lane = {"depot_id": str(HCM), "country": "TH", "transit_days": 2, "carrier": "simulated-express", "cost": cost}
    await made(rma, "/v1/lanes", lane, role="manager")
    await rma.fire_timers()
    assert (await seen(rma, case.rma_id))["state"] == "reserved"


async def test_a_calendar_without_an_open_day_breaks_nothing(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    before = (await seen(rma, rma_id))["promise"]
    today = (await rma.now()).date()
    closed = [{"date": (today + timedelta(days=n)).isoformat(), "name": "closed"} for n in range(-1, 800)]
    read = await rma.get(f"/v1/depot-calendars/{HCM_DAYS}", role="manager")
    body = {"data": {**read.json()["data"], "closed": closed}, "why": "the end of the depot"}
    await rma.patch(f"/v1/depot-calendars/{HCM_DAYS}", body, etag=read.headers["etag"], role="manager")
    await rma.fire_timers()
    assert (await seen(rma, rma_id))["promise"] == before
    case = Case("another")
    await rma.deliver(case.opened(), case.covered(), case.diagnosed())
    assert (await seen(rma, case.rma_id))["state"] == "backordered"
