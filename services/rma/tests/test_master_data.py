"""Parts, depots, lanes and calendars through the API, and every route's callers."""

from typing import Any

import pytest

from libs.store.ids import new_id
from services.rma.tests.builders import OTHER_ACCOUNT, Case, a_network, a_part, days, delivered, made, reserved
from tests.support.harness import Harness


async def test_the_network_is_built_listed_and_changed_through_the_api(rma: Harness) -> None:
    boss: dict[str, Any] = {"role": "admin"}
    calendar = await made(rma, "/v1/calendars", {"name": "HAN", "data": days("Asia/Ho_Chi_Minh")}, **boss)
    body = {"code": "HAN", "name": "Depot Hà Nội", "country": "VN", "calendar_id": calendar["id"]}
    depot = (await made(rma, "/v1/depots", body, **boss))["id"]
    lane = {
        "depot_id": depot,
        "country": "VN",
        "transit_days": 1,
        "carrier": "x",
        "cost": {"amount_minor": 1, "currency": "VND"},
    }
    await made(rma, "/v1/lanes", lane, **boss)
    part = await made(rma, "/v1/parts", a_part(), **boss)
    read = await rma.get(f"/v1/parts/{part['id']}", role="customer")
    answer = await rma.patch(f"/v1/parts/{part['id']}", {"hazardous": True}, etag=read.headers["etag"], **boss)
    assert (answer.json()["hazardous"], answer.json()["name"]) == (True, "Camera module")
    for path, count in (("calendars", 1), ("depots", 1), ("lanes", 1), ("parts", 1)):
        listed = (await rma.get(f"/v1/{path}", role="manager")).json()["items"]
        assert len(listed) == count
        assert (await rma.get(f"/v1/{path}/{listed[0]['id']}", role="manager")).headers["etag"]
    assert len((await rma.get("/v1/parts?fits=X70&component=CAMERA&part_number=P-CAM-70")).json()["items"]) == 1
    assert (await rma.get("/v1/parts?fits=X30")).json()["items"] == []


_BAD = (
    ("calendars", {"name": "again", "country": "VN", "data": days("Asia/Ho_Chi_Minh")}, 409),
    ("calendars", {"name": "nowhere", "data": days("Asia/Nowhere")}, 422),
    ("calendars", {"name": "Vietnam", "data": days("UTC")}, 409),
    ("depots", {"code": "X", "name": "X", "country": "VN", "calendar_id": str(new_id())}, 422),
    ("depots", {"code": "X", "name": "X", "country": "Vietnam", "calendar_id": str(new_id())}, 422),
    ("lanes", {"depot_id": str(new_id()), "country": "VN", "transit_days": 1, "carrier": "x", "cost": {"amount_minor": 1, "currency": "USD"}}, 422),
    ("parts", a_part(), 409),
    ("parts", a_part("NEW", colour="red"), 422),
    ("parts", a_part("N\0W"), 422),
)  # fmt: skip


async def test_bad_master_data_is_refused_and_changes_nothing(rma: Harness) -> None:
    await a_network(rma)
    before = await rma.state()
    for path, body, status in _BAD:
        assert (await rma.post(f"/v1/{path}", body, role="admin")).status_code == status, (path, body)
    assert await rma.state() == before


@pytest.mark.parametrize("path", ["calendars", "depots", "parts"])
async def test_what_is_made_twice_is_refused_with_what_stands(rma: Harness, path: str) -> None:
    calendar = {"name": "HAN", "data": days("Asia/Ho_Chi_Minh")}
    calendar_id = str(new_id())
    if path == "depots":
        calendar_id = (await made(rma, "/v1/calendars", calendar, role="admin"))["id"]
    depot = {"code": "HAN", "name": "Depot Hà Nội", "country": "VN", "calendar_id": calendar_id}
    bodies: dict[str, dict[str, Any]] = {"calendars": calendar, "depots": depot, "parts": a_part()}
    body = bodies[path]
    first = await made(rma, f"/v1/{path}", body, role="admin")
    again = await rma.post(f"/v1/{path}", body, role="admin")
    assert (again.status_code, again.json()["title"], again.json()["id"]) == (409, "There already", first["id"])


async def test_lists_page_without_gaps(rma: Harness) -> None:
    await a_network(rma, camera=9)
    ids = [str(await reserved(rma, Case(f"case {n}"))) for n in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        found = (await rma.get(f"/v1/rmas?limit=2&state=reserved&state=shipped{cursor}")).json()
        seen += [each["id"] for each in found["items"]]
        if not found["next_cursor"]:
            break
        cursor = f"&cursor={found['next_cursor']}"
    assert seen == ids[::-1]
    assert (await rma.get("/v1/rmas?cursor=bogus")).status_code == 400
    for path in ("parts", "depots", "lanes", "calendars", "stock"):
        first = (await rma.get(f"/v1/{path}?limit=1", role="admin")).json()
        if first["next_cursor"]:
            second = (await rma.get(f"/v1/{path}?limit=1&cursor={first['next_cursor']}", role="admin")).json()
            assert second["items"] != first["items"]


_ACTIONS = {
    "ship": {"serial": "X", "carrier": "van", "tracking": "1"}, "deliver": {}, "lost": {"reason": "gone"},
    "receive": {"serial": "X"}, "inspect": {"result": "confirmed"}, "cancel": {"reason": "not needed"},
    "override": {"reason": "goodwill"}, "settle": {"outcome": "waived", "reason": "goodwill"},
}  # fmt: skip
_ROLES = {"override": "manager", "settle": "manager", "cancel": "engineer"}


async def test_a_customer_does_none_of_the_depots_and_managers_acts(rma: Harness) -> None:
    for action, body in _ACTIONS.items():
        answer = await rma.post(f"/v1/rmas/{new_id()}/{action}", body, role="customer", accounts=[OTHER_ACCOUNT])
        assert answer.status_code == 403, action


async def test_an_rma_that_is_not_there_is_not_found(rma: Harness) -> None:
    for action, body in _ACTIONS.items():
        answer = await rma.post(f"/v1/rmas/{new_id()}/{action}", body, role=_ROLES.get(action, "depot"))
        assert answer.status_code == 404, action


async def test_what_a_delivered_rma_does_not_allow_names_the_state_and_what_is_possible(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    before = await rma.state()
    for action in ("ship", "deliver", "lost", "cancel", "override", "settle", "inspect"):
        answer = await rma.post(f"/v1/rmas/{rma_id}/{action}", _ACTIONS[action], role=_ROLES.get(action, "depot"))
        assert answer.status_code == 409, action
        assert answer.json()["state"] in ("delivered", "awaiting_return")
        assert answer.json()["possible"]
    assert await rma.state() == before


async def test_the_catalogue_may_lack_a_part_and_it_is_backordered_until_it_comes(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed(part_number="P-BRAND-NEW"))
    found = (await rma.get(f"/v1/rmas?case_id={case.id}")).json()["items"][0]
    assert (found["state"], found["part_number"]) == ("backordered", "P-BRAND-NEW")
    await made(rma, "/v1/parts", a_part("P-BRAND-NEW"), role="manager")
    stock = {
        "depot_id": str((await rma.get("/v1/depots")).json()["items"][0]["id"]),
        "part_number": "P-BRAND-NEW",
        "quantity": 1,
    }
    await made(rma, "/v1/stock/goods-in", stock, role="depot")
    await rma.fire_timers()
    assert (await rma.get(f"/v1/rmas?part_number=P-BRAND-NEW&serial=SN-1&account_id={case.account_id}")).json()[
        "items"
    ][0]["state"] == "reserved"
