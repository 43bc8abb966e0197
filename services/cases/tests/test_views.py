"""Views: what somebody asks of the list again and again, under a name."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.gateway import PersonErased
from services.cases.tests.builders import LAN_ID, in_progress, opened
from services.cases.tests.test_queues import a_queue
from tests.support.harness import Harness
from tests.support.refusals import refusal

MEI: dict[str, Any] = {"role": "manager", "person_id": uuid4()}
MINE = {"name": "Việc của tôi", "query": "assignee=me&open=true&sort=next_due&state=pending&state=in_progress"}


async def a_view(h: Harness, **fields: Any) -> dict[str, Any]:
    answer = await h.post("/v1/views", {**MINE, **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def seen(h: Harness, **who: Any) -> list[str]:
    return [view["id"] for view in (await h.get("/v1/views?q=viec", **who)).json()["items"]]


async def test_a_view_is_the_list_that_its_owner_asks_for(cases: Harness) -> None:
    view, case_id = await a_view(cases), await in_progress(cases)
    await opened(cases, serial="SN-2")
    answer = await cases.get(f"/v1/cases?{view['query']}")
    assert [UUID(case["id"]) for case in answer.json()["items"]] == [case_id]
    assert view["owner"] == str(LAN_ID)


async def test_a_view_is_its_owners_until_it_is_shared(cases: Harness) -> None:
    view = await a_view(cases)
    path = f"/v1/views/{view['id']}"
    assert (await seen(cases), await seen(cases, **MEI)) == ([view["id"]], [])
    assert (await cases.get(path, **MEI)).status_code == 404

    etag = (await cases.get(path)).headers["etag"]
    assert (await cases.patch(path, {"shared_with": ["manager"]}, etag=etag)).status_code == 200
    assert await seen(cases, **MEI) == [view["id"]]
    etag = (await cases.get(path)).headers["etag"]
    assert refusal(await cases.patch(path, {"name": "x"}, etag=etag, **MEI)) == (409, "somebody-elses-view")
    assert refusal(await cases.request("DELETE", path, **MEI)) == (409, "somebody-elses-view")
    assert (await cases.request("DELETE", path)).status_code == 204
    assert (await seen(cases), await seen(cases, **MEI)) == ([], [])


@pytest.mark.parametrize(
    "query", ["asignee=me", "assignee=LAN", "sort=age", "state=done", "cursor=x", "opened_from=yesterday", "limit=0"]
)
async def test_what_the_list_does_not_take_is_no_view(query: str, cases: Harness) -> None:
    assert (await cases.get(f"/v1/cases?{query}")).status_code in {400, 422}
    assert refusal(await cases.post("/v1/views", {**MINE, "query": query})) == (422, "not-of-the-list")
    view = await a_view(cases)
    path = f"/v1/views/{view['id']}"
    etag = (await cases.get(path)).headers["etag"]
    assert refusal(await cases.patch(path, {"query": query}, etag=etag)) == (422, "not-of-the-list")
    assert (await cases.get(path)).json()["query"] == MINE["query"]


async def test_a_system_keeps_no_view(cases: Harness) -> None:
    assert refusal(await cases.post("/v1/views", MINE, role="ops", person_id=None)) == (422, "person-required")


async def test_with_a_person_go_the_views_that_were_theirs_alone(cases: Harness) -> None:
    await a_view(cases)
    shared = await a_view(cases, shared_with=["manager"])
    assert len(await seen(cases)) == 2
    await cases.deliver(PersonErased(person_id=LAN_ID, by="admin:1", erased_at=await cases.now()))
    assert await seen(cases, **MEI) == await seen(cases) == [shared["id"]]


async def test_a_view_is_kept_for_a_desk_and_found_by_it(cases: Harness) -> None:
    for code in ("day", "night"):
        await a_queue(cases, code)
    view, _ = await a_view(cases, queues=["day"]), await a_view(cases)
    assert await seen(cases, **MEI) == [view["id"]]
    assert [each["id"] for each in (await cases.get("/v1/views?queue=day")).json()["items"]] == [view["id"]]
    assert (await cases.get("/v1/views?queue=night")).json()["items"] == []
    assert await seen(cases, role="ops", person_id=uuid4()) == []
    path = f"/v1/views/{view['id']}"
    etag = (await cases.get(path)).headers["etag"]
    assert refusal(await cases.patch(path, {"queues": ["night"]}, etag=etag, **MEI)) == (409, "somebody-elses-view")
    assert (await cases.patch(path, {"queues": []}, etag=etag)).status_code == 200
    assert await seen(cases, **MEI) == []


async def test_a_desk_that_is_not_there_is_refused(cases: Harness) -> None:
    assert refusal(await cases.post("/v1/views", {**MINE, "queues": ["moon"]})) == (422, "no-such-queue")
    view = await a_view(cases)
    path = f"/v1/views/{view['id']}"
    etag = (await cases.get(path)).headers["etag"]
    assert refusal(await cases.patch(path, {"queues": ["moon"]}, etag=etag)) == (422, "no-such-queue")
    assert (await cases.get(path)).json()["queues"] == []


async def test_others_copy_a_shared_view_and_change_their_own(cases: Harness) -> None:
    view = await a_view(cases, shared_with=["manager"])
    answer = await cases.post(f"/v1/views/{view['id']}/copy", {"name": "Việc của Mei"}, **MEI)
    copy = answer.json()
    assert (answer.status_code, copy["query"], copy["shared_with"]) == (201, view["query"], [])
    assert (copy["owner"], answer.headers["location"]) == (str(MEI["person_id"]), f"/v1/views/{copy['id']}")
    etag = (await cases.get(f"/v1/views/{copy['id']}", **MEI)).headers["etag"]
    answer = await cases.patch(f"/v1/views/{copy['id']}", {"query": "open=true"}, etag=etag, **MEI)
    assert answer.status_code == 200
    assert (await cases.get(f"/v1/views/{view['id']}")).json()["query"] == view["query"]
    assert await seen(cases) == [view["id"]]


async def test_what_one_does_not_see_is_not_copied(cases: Harness) -> None:
    view = await a_view(cases)
    assert (await cases.post(f"/v1/views/{view['id']}/copy", **MEI)).status_code == 404
    shared = await a_view(cases, shared_with=["engineer"])
    system = await cases.post(f"/v1/views/{shared['id']}/copy", person_id=None)
    assert refusal(system) == (422, "person-required")
