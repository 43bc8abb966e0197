"""Parts, depots, lanes and calendars through the API."""

from typing import Any

import pytest

from libs.store.ids import new_id
from services.rma.tests.builders import Case, goods_in, made, refused, reserved
from services.rma.tests.network import HCM, SGP_DAYS, UNIT, a_network, a_part, days
from tests.support.harness import Harness

CALENDAR = {"name": "HAN", "data": days("Asia/Ho_Chi_Minh")}
DEPOT = {"code": "HAN", "name": "Depot Hà Nội", "country": "VN", "calendar_id": str(SGP_DAYS)}
LANE = {
    "depot_id": str(HCM),
    "country": "TH",
    "transit_days": 2,
    "carrier": "simulated-express",
    "cost": {"amount_minor": 900, "currency": "USD"},
}
BODIES: dict[str, dict[str, Any]] = {
    "depot-calendars": CALENDAR,
    "depots": DEPOT,
    "lanes": LANE,
    "parts": a_part("P-FAN-70", component="fan"),
}


@pytest.mark.parametrize("path", BODIES)
async def test_what_is_made_is_listed_and_read_with_its_etag(rma: Harness, path: str) -> None:
    await a_network(rma)
    new = await made(rma, f"/v1/{path}", BODIES[path], role="admin")

    listed = (await rma.get(f"/v1/{path}", role="manager")).json()["items"]
    read = await rma.get(f"/v1/{path}/{new['id']}", role="manager")

    assert [each for each in listed if each["id"] == new["id"]] == [new]
    assert (read.json(), read.headers["etag"]) == (new, '"0"')


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("parts", {"hazardous": True}),
        ("depots", {"name": "Depot Thăng Long", "cut_off": "14:00"}),
        ("lanes", {"transit_days": 1, "active": False}),
        ("depot-calendars", {"data": days("Asia/Bangkok"), "why": "the depot has moved"}),
    ],
)
async def test_a_change_changes_what_it_names_and_nothing_else(rma: Harness, path: str, change: dict[str, Any]) -> None:
    await a_network(rma)
    before = await made(rma, f"/v1/{path}", BODIES[path], role="admin")

    answer = await rma.patch(f"/v1/{path}/{before['id']}", change, etag='"0"', role="admin")

    assert answer.status_code == 200, answer.text
    after = answer.json()
    changed = {name for name, value in after.items() if value != before[name]} - {"revision", "edited_at"}
    assert changed == (change.keys() - {"why"}) | ({"edited_because"} if "why" in change else set())


@pytest.mark.parametrize(
    ("query", "found"),
    [(f"fits={UNIT}&component=CAMERA&part_number=P-CAM-70", ["P-CAM-70"]), ("fits=X30", []), ("component=fan", [])],
)
async def test_the_catalogue_is_searched_by_what_a_part_fits_and_is(rma: Harness, query: str, found: list[str]) -> None:
    await a_network(rma)
    listed = (await rma.get(f"/v1/parts?{query}", role="customer")).json()["items"]
    assert [each["part_number"] for each in listed] == found


_BAD = [
    ("depot-calendars", {**CALENDAR, "data": days("Asia/Nowhere")}, (422, "/data/time_zone")),
    ("depot-calendars", {**CALENDAR, "name": "HCM depot"}, (409, "there-already")),
    ("depots", {**DEPOT, "calendar_id": str(new_id())}, (422, "unknown-reference")),
    ("depots", {**DEPOT, "country": "Vietnam"}, (422, "/country")),
    ("lanes", {**LANE, "cost": {"amount_minor": 50000, "currency": "VND"}}, (422, "another-currency")),
    ("lanes", {**LANE, "depot_id": str(new_id())}, (422, "unknown-reference")),
    ("parts", a_part(), (409, "there-already")),
    ("parts", a_part("NEW", colour="red"), (422, "/colour")),
    ("parts", a_part("N\0W"), (422, "/part_number")),
]


@pytest.mark.parametrize(("path", "body", "why"), _BAD)
async def test_bad_master_data_is_refused_and_changes_nothing(
    rma: Harness, path: str, body: dict[str, Any], why: tuple[int, str]
) -> None:
    await a_network(rma)
    before = await rma.state()
    assert refused(await rma.post(f"/v1/{path}", body, role="admin")) == why
    assert await rma.state() == before


@pytest.mark.parametrize("path", ["depot-calendars", "depots", "parts"])
async def test_what_is_made_twice_is_refused_with_what_stands(rma: Harness, path: str) -> None:
    await a_network(rma)
    first = await made(rma, f"/v1/{path}", BODIES[path], role="admin")
    again = await rma.post(f"/v1/{path}", BODIES[path], role="admin")
    assert (refused(again), again.json()["id"]) == ((409, "there-already"), first["id"])


async def pages(rma: Harness, path: str, *, limit: int) -> list[list[str]]:
    """The ids of every page of a list, page by page."""
    found: list[list[str]] = []
    cursor = ""
    while not found or cursor:
        page = (await rma.get(f"{path}limit={limit}{cursor}", role="admin")).json()
        found.append([each["id"] for each in page["items"]])
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    return found


async def test_rmas_are_listed_newest_first_page_by_page(rma: Harness) -> None:
    await a_network(rma, camera=9)
    ids = [str(await reserved(rma, Case(f"case {n}"))) for n in range(5)]
    found = await pages(rma, "/v1/rmas?state=reserved&state=shipped&", limit=2)
    assert found == [ids[:2:-1], ids[2:0:-1], ids[:1]]


@pytest.mark.parametrize("path", ["parts", "depots", "lanes", "depot-calendars", "stock"])
async def test_a_list_pages_without_gaps(rma: Harness, path: str) -> None:
    await a_network(rma, in_singapore=1)
    whole = await pages(rma, f"/v1/{path}?", limit=100)
    one_by_one = await pages(rma, f"/v1/{path}?", limit=1)
    assert len(whole[0]) >= 2
    assert [[id] for id in whole[0]] == one_by_one


async def test_a_cursor_that_is_none_is_refused(rma: Harness) -> None:
    assert (await rma.get("/v1/rmas?cursor=bogus")).status_code == 400


async def test_rmas_are_found_by_part_serial_and_account(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await made(rma, "/v1/parts", a_part("P-BRAND-NEW"), role="manager")
    await rma.deliver(case.opened(), case.covered(), case.diagnosed(part_number="P-BRAND-NEW"))
    [found] = (await rma.get(f"/v1/rmas?case_id={case.id}")).json()["items"]
    assert (found["state"], found["part_number"]) == ("backordered", "P-BRAND-NEW")
    await goods_in(rma, 1, "P-BRAND-NEW")
    await rma.fire_timers()

    query = f"part_number=P-BRAND-NEW&serial=SN-1&account_id={case.account_id}"
    [found] = (await rma.get(f"/v1/rmas?{query}")).json()["items"]
    assert found["state"] == "reserved"
