"""The simulated carrier over real HTTP, telling a real receiver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local.waiting import until_async
from deploy.simulators.carrier import Carrier, carrier_app
from deploy.simulators.clock import SandboxClock
from deploy.simulators.process import Place
from deploy.simulators.tests.receiving import PATIENCE, SECRET, Receiver, free_socket, serving, url_of

SAIGON = {
    "name": "Nguyễn Thị Ánh",
    "lines": ["12 Đường Lê Lợi"],
    "city": "TP. Hồ Chí Minh",
    "country": "VN",
    "time_zone": "Asia/Ho_Chi_Minh",
}
DEPOT = {"name": "Depot Singapore", "lines": ["1 Changi South"], "city": "Singapore", "country": "SG"}


def a_booking(reference: str = "RMA-1", **changes: Any) -> dict[str, Any]:
    return {
        "reference": reference,
        "service": "next_business_day",
        "from": DEPOT,
        "to": SAIGON,
        "parcels": [{"description": "camera module", "weight_kg": 0.4}],
        "direction": "outbound",
    } | changes


class Stage:
    """A carrier in service and how to call it."""

    def __init__(self, carrier: Carrier, http: httpx.AsyncClient) -> None:
        self.carrier, self.http = carrier, http

    async def book(self, **changes: Any) -> dict[str, Any]:
        answer = await self.http.post("/shipments", json=a_booking(**changes))
        assert answer.is_success, answer.text
        shipment: dict[str, Any] = answer.json()
        return shipment

    async def happens(self, shipment: dict[str, Any], what: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/simulate/shipments/{shipment['tracking']}/{what}", json=body)

    async def faults(self, **faults: Any) -> None:
        assert (await self.http.put("/simulate/faults", json=faults)).status_code == 200

    async def until_nothing_is_owed(self) -> None:
        await until_async(lambda: self.carrier.memory.owed() == 0, seconds=PATIENCE, otherwise="notices are still owed")


@asynccontextmanager
async def a_carrier(receiver: Receiver, file: Path, clock: SandboxClock | None = None) -> AsyncIterator[Stage]:
    listening = free_socket()
    carrier = Carrier(Place(url_of(listening), receiver.url, SECRET, file), clock or SandboxClock())
    async with (
        serving(carrier_app(carrier), listening),
        httpx.AsyncClient(base_url=url_of(listening), trust_env=False) as http,
    ):
        yield Stage(carrier, http)


@pytest_asyncio.fixture
async def stage(receiver: Receiver, memory_file: Path) -> AsyncIterator[Stage]:
    async with a_carrier(receiver, memory_file) as stage:
        yield stage


async def test_a_reference_books_one_shipment_however_often_it_is_sent(stage: Stage) -> None:
    first = await stage.http.post("/shipments", json=a_booking())
    again = await stage.http.post("/shipments", json=a_booking())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["tracking"] == first.json()["tracking"]
    found = (await stage.http.get("/shipments", params={"reference": "RMA-1"})).json()["items"]
    assert [each["tracking"] for each in found] == [first.json()["tracking"]]
    assert (await stage.http.get("/shipments", params={"reference": "RMA-2"})).json() == {"items": []}


async def test_a_promised_date_is_delivered_in_the_morning_at_the_destination(stage: Stage) -> None:
    promised = (datetime.now(UTC) + timedelta(days=9)).date()
    shipment = await stage.book(promised_by=promised.isoformat())
    planned = datetime.fromisoformat(shipment["planned_delivery"])
    assert planned == datetime(promised.year, promised.month, promised.day, 3, 30, tzinfo=UTC)


async def test_a_promised_instant_is_kept_and_a_past_one_is_as_soon_as_can_be(stage: Stage) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    kept = await stage.book(promised_by=later.isoformat())
    assert datetime.fromisoformat(kept["planned_delivery"]) == later
    late = await stage.book(reference="RMA-2", promised_by="2020-01-01")
    assert datetime.fromisoformat(late["planned_delivery"]) > datetime.now(UTC)


async def test_the_sandbox_clock_moves_a_shipment_through_its_plan_in_order(
    receiver: Receiver, memory_file: Path
) -> None:
    clock = SandboxClock()
    async with a_carrier(receiver, memory_file, clock) as stage:
        shipment = await stage.book()
        await receiver.hears(1)
        assert receiver.told("status") == ["picked_up"]
        clock.move(timedelta(days=3))
        await receiver.hears(3)
        shown = (await stage.http.get(f"/shipments/{shipment['tracking']}")).json()
    assert receiver.told("status") == ["picked_up", "in_transit", "delivered"]
    assert receiver.told("sequence") == [1, 2, 3]
    assert set(receiver.told("tracking")) == {shipment["tracking"]}
    assert set(receiver.told("reference")) == {"RMA-1"}
    delivered = datetime.fromisoformat(receiver.heard[-1]["occurred_at"])
    assert delivered == datetime.fromisoformat(shipment["planned_delivery"])
    assert shown["status"] == "delivered"


async def test_the_state_tells_what_is_due_next_of_all_and_of_some(stage: Stage) -> None:
    async def due(*of: str) -> datetime:
        state = await stage.http.get("/simulate/state", params={"of": list(of)})
        return datetime.fromisoformat(state.json()["next_due"])

    soon, late = [await stage.book(reference=f"RMA-{day}", promised_by=f"2031-01-0{day}") for day in (1, 2)]
    for each in (soon, late):
        await stage.happens(each, "in-transit")
    planned = [datetime.fromisoformat(each["planned_delivery"]) for each in (soon, late)]
    assert [await due(), await due(soon["tracking"]), await due(late["tracking"])] == [planned[0], *planned]


async def test_a_return_waits_until_somebody_hands_it_over(receiver: Receiver, memory_file: Path) -> None:
    clock = SandboxClock()
    async with a_carrier(receiver, memory_file, clock) as stage:
        shipment = await stage.book(direction="return")
        clock.move(timedelta(days=30))
        state = (await stage.http.get("/simulate/state")).json()
        assert (state["next_due"], state["owed_notices"]) == (None, 0)
        await stage.happens(shipment, "picked-up")
        clock.move(timedelta(days=40))
        await receiver.hears(3)
    assert receiver.told("status") == ["picked_up", "in_transit", "return_received"]


@pytest.mark.parametrize("end", ["delivered", "refused", "lost", "return-received"])
async def test_a_shipment_can_be_moved_by_hand_to_any_end(stage: Stage, receiver: Receiver, end: str) -> None:
    shipment = await stage.book(direction="return")
    moved = await stage.happens(shipment, end, at="2026-02-16T10:00:00+07:00")
    assert moved.json()["status"] == end.replace("-", "_")
    await receiver.hears(1)
    assert receiver.heard[0]["status"] == end.replace("-", "_")
    assert receiver.heard[0]["occurred_at"] == "2026-02-16T03:00:00+00:00"


async def test_nothing_happens_to_a_delivered_shipment(stage: Stage) -> None:
    shipment = await stage.book()
    await stage.happens(shipment, "delivered")
    refused = await stage.happens(shipment, "lost")
    assert refused.status_code == 409
    assert refused.json()["possible"] == []
    assert (await stage.happens(shipment, "eaten")).status_code == 404


async def test_skipping_a_step_by_hand_does_not_bring_it_back_later(receiver: Receiver, memory_file: Path) -> None:
    clock = SandboxClock()
    async with a_carrier(receiver, memory_file, clock) as stage:
        await stage.happens(await stage.book(), "in-transit")
        clock.move(timedelta(days=3))
        await until_async(lambda: "delivered" in receiver.told("status"), seconds=PATIENCE, otherwise="never delivered")
        await stage.until_nothing_is_owed()
    assert receiver.told("status")[-2:] == ["in_transit", "delivered"]


async def test_a_label_is_a_pdf_and_does_not_mind_vietnamese(stage: Stage) -> None:
    shipment = await stage.book(parcels=[{"description": "headset", "lithium": True}])
    label = await stage.http.get(shipment["label_url"])
    assert label.headers["content-type"] == "application/pdf"
    assert label.content.startswith(b"%PDF-")
    assert len(label.content) > 1000


async def test_a_notice_is_sent_until_it_is_heard_and_keeps_its_id(stage: Stage, receiver: Receiver) -> None:
    receiver.answer = 503
    await stage.happens(await stage.book(direction="return"), "lost")
    await receiver.is_tried(3)
    receiver.answer = 204
    await receiver.hears(1)
    await stage.until_nothing_is_owed()
    assert len(set(receiver.attempts)) == 1
    assert len(receiver.heard) == 1


async def test_an_unheard_notice_holds_back_the_next_one_about_the_same_shipment(
    stage: Stage, receiver: Receiver
) -> None:
    receiver.answer = 500
    shipment = await stage.book(direction="return")
    for what in ("picked-up", "in-transit", "delivered"):
        await stage.happens(shipment, what)
    await receiver.is_tried(2)
    receiver.answer = 204
    await receiver.hears(3)
    assert receiver.told("sequence") == [1, 2, 3]


async def test_faults_make_notices_double_and_overtake_each_other(
    stage: Stage, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.simulators.webhooks._OVERTAKEN_SECONDS", 5.0)
    await stage.faults(duplicate_rate=1, out_of_order=True)
    shipment = await stage.book(direction="return")
    await stage.happens(shipment, "in-transit")
    await stage.happens(shipment, "delivered")
    await receiver.hears(4)
    assert receiver.told("sequence") == [2, 2, 1, 1]
    assert len(set(receiver.ids)) == 2


async def test_a_dropped_notice_is_never_sent_and_the_shipment_tells_the_truth(
    stage: Stage, receiver: Receiver
) -> None:
    await stage.faults(drop_rate=1)
    shipment = await stage.book(direction="return")
    await stage.happens(shipment, "delivered")
    shown = (await stage.http.get(f"/shipments/{shipment['tracking']}")).json()
    assert (shown["status"], shown["sequence"]) == ("delivered", 1)
    assert stage.carrier.memory.owed() == 0
    assert receiver.attempts == []


async def test_a_forgetful_carrier_answers_and_keeps_nothing(stage: Stage) -> None:
    await stage.faults(forget_rate=1)
    shipment = await stage.book()
    await stage.faults()
    assert (await stage.http.get(f"/shipments/{shipment['tracking']}")).status_code == 404
    assert (await stage.book())["tracking"] != shipment["tracking"]


@pytest.mark.parametrize("fault", [{"unavailable": True}, {"fail_rate": 1}])
async def test_out_of_service_means_no_effect_and_controls_still_answer(stage: Stage, fault: dict[str, Any]) -> None:
    await stage.faults(**fault)
    refused = await stage.http.post("/shipments", json=a_booking())
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert (await stage.http.get("/healthz")).status_code == 200
    assert (await stage.http.get("/readyz")).status_code == 200
    await stage.faults()
    assert (await stage.http.get("/shipments", params={"reference": "RMA-1"})).json() == {"items": []}


async def test_a_lost_answer_leaves_the_shipment_booked(stage: Stage) -> None:
    await stage.faults(lose_answer_rate=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await stage.http.post("/shipments", json=a_booking())
    found = (await stage.http.get("/shipments", params={"reference": "RMA-1"})).json()["items"]
    assert len(found) == 1


async def test_latency_makes_a_hurried_caller_give_up(stage: Stage) -> None:
    await stage.faults(latency_ms=500)
    with pytest.raises(httpx.ReadTimeout):
        await stage.http.post("/shipments", json=a_booking(), timeout=httpx.Timeout(10, read=0.05))
    await stage.faults()
    assert (await stage.http.get("/simulate/faults")).json()["latency_ms"] == 0


async def test_a_refusing_carrier_answers_422(stage: Stage) -> None:
    await stage.faults(reject=True)
    assert (await stage.http.post("/shipments", json=a_booking())).status_code == 422


@pytest.mark.parametrize(
    "wrong", [{"to": SAIGON | {"time_zone": "Mars"}}, {"direction": "up"}, {"parcels": []}, {"x": 1}]
)
async def test_a_booking_that_cannot_be_is_refused(stage: Stage, wrong: dict[str, Any]) -> None:
    assert (await stage.http.post("/shipments", json=a_booking(**wrong))).status_code == 422


async def test_a_restart_forgets_neither_shipments_nor_what_is_owed(receiver: Receiver, memory_file: Path) -> None:
    receiver.answer = 503
    async with a_carrier(receiver, memory_file) as before:
        shipment = await before.book()
        await receiver.is_tried(1)
    receiver.answer = 204
    later = SandboxClock(timedelta(days=3))
    async with a_carrier(receiver, memory_file, later) as after:
        assert (await after.book())["tracking"] == shipment["tracking"]
        await receiver.hears(3)
    assert receiver.told("status") == ["picked_up", "in_transit", "delivered"]
