"""The same asked of many cases at once: each has an outcome of its own."""

from typing import Any
from uuid import UUID, uuid4

from libs.events.cases import CaseAssigned, CaseClosed, CaseResolved
from services.cases.tests.builders import (
    CUSTOMER,
    LAN_ID,
    STRANGER,
    a_request,
    did,
    in_progress,
    opened,
    resolved,
    shown,
)
from services.cases.tests.test_several_units import opened_for
from tests.support.harness import Harness
from tests.support.refusals import refusal


async def asked(h: Harness, action: str, *ids: UUID, how: dict[str, Any] | None = None, **fields: Any) -> list[Any]:
    answer = await h.post(
        "/v1/cases/bulk", {"action": action, "case_ids": [str(id) for id in ids], **fields}, **how or {}
    )
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["results"]
    return found


def kinds(results: list[Any]) -> list[str]:
    return [each["problem"]["type"].rpartition(":")[2] if each["problem"] else "" for each in results]


async def test_many_cases_are_given_to_somebody_at_once(cases: Harness) -> None:
    ids = [await opened(cases, serial=f"SN-{n}") for n in range(5)]
    results = await asked(cases, "assign", *ids, reason="the whole floor")

    assert [(each["case_id"], each["done"], each["state"]) for each in results] == [
        (str(id), True, "in_progress") for id in ids
    ]
    told = await cases.events(CaseAssigned)
    assert [(each.case_id, each.assignee_id, each.reason) for each in told] == [
        (id, LAN_ID, "the whole floor") for id in ids
    ]
    for each in results:
        assert (await cases.get(f"/v1/cases/{each['case_id']}")).headers["etag"] == each["etag"]


async def test_each_case_answers_for_itself_as_the_command_for_it_alone_would(cases: Harness) -> None:
    fine, running, over = (
        await resolved(cases),
        await in_progress(cases, serial="SN-2"),
        await resolved(cases, serial="SN-3"),
    )
    await did(cases, over, "close")
    nowhere = uuid4()
    results = await asked(cases, "close", running, fine, over, nowhere, fine)

    assert [each["case_id"] for each in results] == [str(id) for id in (running, fine, over, nowhere)]
    assert [each["done"] for each in results] == [False, True, False, False]
    assert kinds(results) == ["not-possible-now", "", "case-closed-to-commands", "missing"]
    for id, result in ((running, results[0]), (over, results[2]), (nowhere, results[3])):
        assert result["problem"] == (await cases.post(f"/v1/cases/{id}/close")).json()
    assert [each.case_id for each in await cases.events(CaseClosed)] == [over, fine]


async def test_a_case_that_refuses_stays_as_it_is(cases: Harness) -> None:
    parent = await resolved(cases)
    child = await opened(cases, serial="SN-2")
    waiting = await in_progress(cases, serial="SN-3")
    await did(cases, waiting, "waits", {"wait": "customer", "note": "Which firmware?"})
    etag = (await cases.get(f"/v1/cases/{child}")).headers["etag"]
    await cases.patch(f"/v1/cases/{child}", {"parent_id": str(parent)}, etag=etag)
    before = [await shown(cases, each) for each in (parent, waiting)]
    told = len(await cases.outbox())

    assert kinds(await asked(cases, "close", parent, closing_code="replaced")) == ["children-still-open"]
    assert kinds(await asked(cases, "resolve", waiting, resolution="x")) == ["waits-still-stand"]
    assert kinds(await asked(cases, "resolve", waiting, resolution="x", end_waits=True, closing_code="none")) == [
        "no-such-code"
    ]
    assert [await shown(cases, each) for each in (parent, waiting)] == before
    assert len(await cases.outbox()) == told


async def test_children_that_are_closed_with_their_parent_do_not_keep_it_open(cases: Harness) -> None:
    parent, children = await opened_for(cases, 3)
    everybody = [parent, *children]
    await asked(cases, "assign", *everybody)
    assert all(each["done"] for each in await asked(cases, "resolve", *everybody, resolution="replaced"))
    results = await asked(cases, "close", *everybody)

    assert [each["state"] for each in results] == ["closed"] * 4
    assert [each.case_id for each in await cases.events(CaseClosed)] == [*children, parent]
    assert {each.resolution for each in await cases.events(CaseResolved)} == {"replaced"}


async def test_the_same_key_asks_once(cases: Harness) -> None:
    ids = [await opened(cases, serial=f"SN-{n}") for n in range(3)]
    body = {"action": "assign", "case_ids": [str(id) for id in ids]}
    first, again = [await cases.post("/v1/cases/bulk", body, key="k") for _ in range(2)]

    assert first.content == again.content
    assert len(await cases.events(CaseAssigned)) == 3


async def test_a_customer_closes_their_own_and_finds_no_others(cases: Harness) -> None:
    mine = await resolved(cases)
    theirs = UUID((await cases.post("/v1/cases", a_request(), **STRANGER)).json()["id"])
    results = await asked(cases, "close", mine, theirs, how=CUSTOMER)

    assert [each["done"] for each in results] == [True, False]
    assert kinds(results) == ["", "missing"]
    assert (results[1]["number"], results[1]["state"], results[1]["etag"]) == (None, None, None)


async def test_who_may_not_give_the_command_alone_may_not_give_it_to_many(cases: Harness) -> None:
    case_id = await resolved(cases)
    ids = [str(case_id)]
    for action, role in (("assign", "customer"), ("resolve", "partner"), ("close", "ops"), ("close", "technician")):
        body = {"action": action, "case_ids": ids, **({"resolution": "x"} if action == "resolve" else {})}
        assert refusal(await cases.post("/v1/cases/bulk", body, role=role)) == (403, "forbidden"), (action, role)
    coded = {"action": "close", "case_ids": ids, "closing_code": "hardware"}
    assert refusal(await cases.post("/v1/cases/bulk", coded, **CUSTOMER)) == (403, "forbidden")
    nobody = {"action": "assign", "case_ids": ids, "person_id": str(uuid4())}
    assert (await cases.post("/v1/cases/bulk", nobody)).status_code in (422, 503)
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_what_the_action_does_not_take_is_refused(cases: Harness) -> None:
    id = str(uuid4())
    for body, why in (
        ({"action": "close", "case_ids": [id], "person_id": id}, "close does not take person_id"),
        ({"action": "assign", "case_ids": [id], "closing_code": "x"}, "assign does not take closing_code"),
        ({"action": "resolve", "case_ids": [id]}, "resolve needs a resolution"),
        ({"action": "cancel", "case_ids": [id]}, "/action"),
        ({"action": "close", "case_ids": []}, "/case_ids"),
        ({"action": "close", "case_ids": [str(uuid4()) for _ in range(101)]}, "/case_ids"),
    ):
        assert refusal(await cases.post("/v1/cases/bulk", body)) == (422, why)


async def test_a_hundred_cases_are_taken_in_one_request(cases: Harness) -> None:
    _, first = await opened_for(cases, 50)
    answer = await cases.post(
        "/v1/cases",
        a_request(units=[{"product_number": "P", "serial": f"S{n}"} for n in range(50)])
        | {"product_number": None, "serial": None},
        **CUSTOMER,
    )
    ids = [*first, *(UUID(each["id"]) for each in answer.json()["units"])]

    assert all(each["done"] for each in await asked(cases, "assign", *ids))
