"""Several units in one request: a case for all of them, and below it one for each."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.events.cases import CaseClosed, CaseOpened
from libs.events.cases_work import FirstResponseSent
from services.cases.tests.builders import ACCOUNT, CUSTOMER, STRANGER, a_request, coverage, did, opened, shown
from tests.support.harness import Harness
from tests.support.refusals import refusal


def units(count: int) -> list[dict[str, Any]]:
    return [{"product_number": "83Z52AA", "serial": f"SN-{n}"} for n in range(1, count + 1)]


def of_units(named: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return a_request(units=named, **fields) | {"product_number": None, "serial": None}


async def opened_for(h: Harness, count: int, **fields: Any) -> tuple[UUID, list[UUID]]:
    """The parent, and the case of each unit."""
    answer = await h.post("/v1/cases", of_units(units(count), **fields), **CUSTOMER)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"]), [UUID(each["id"]) for each in answer.json()["units"]]


async def notes_of(h: Harness, case_id: UUID, **how: Any) -> list[str]:
    answer = await h.get(f"/v1/cases/{case_id}/notes", **how)
    assert answer.status_code == 200, answer.text
    return [each["text"] for each in answer.json()["items"]]


async def test_each_unit_has_a_case_of_its_own_below_one_for_all(cases: Harness) -> None:
    answer = await cases.post("/v1/cases", of_units(units(50)), **CUSTOMER)

    parent = answer.json()
    assert (parent["serial"], parent["no_product_reason"]) == (None, "50 thiết bị, mỗi thiết bị một yêu cầu")
    assert [each["serial"] for each in parent["units"]] == [f"SN-{n}" for n in range(1, 51)]
    told = await cases.events(CaseOpened)
    assert [each.parent_id for each in told] == [None, *[UUID(parent["id"])] * 50]
    assert [each.number for each in told] == sorted(each.number for each in told), "the parent's comes first"
    assert [str(each.case_id) for each in told[1:]] == [each["id"] for each in parent["units"]]
    assert {each.description for each in told} == {a_request()["description"]}
    assert (await shown(cases, UUID(parent["id"])))["children"] == [each["id"] for each in parent["units"]]


async def test_each_unit_is_covered_by_itself(cases: Harness) -> None:
    _, [one, another] = await opened_for(cases, 2)
    await cases.deliver(coverage(one), coverage(another, covered=False, reason="not_registered"))

    assert [(await shown(cases, each))["coverage"]["status"] for each in (one, another)] == ["covered", "not_covered"]


async def test_units_that_cannot_be_taken_are_named_by_their_place_and_nothing_is_opened(cases: Harness) -> None:
    wrong = [*units(3), {"product_number": "83Z52AA", "serial": "N/A"}, {"product_number": "", "serial": "SN-9"}]
    refused = await cases.post("/v1/cases", of_units(wrong), **CUSTOMER)

    assert refusal(refused) == (422, "/units/3/serial /units/4/product_number")

    twice = await cases.post("/v1/cases", of_units([*units(2), *units(3)]), **CUSTOMER)
    assert refusal(twice) == (422, "/units/2 /units/3")
    assert [(each["pointer"], each["detail"]) for each in twice.json()["errors"]] == [
        ("/units/2", "the same unit as /units/0"),
        ("/units/3", "the same unit as /units/1"),
    ]
    assert await cases.outbox() == []


async def test_every_one_of_fifty_units_that_cannot_be_taken_is_named(cases: Harness) -> None:
    refused = await cases.post("/v1/cases", of_units([{"product_number": "", "serial": "N/A"}] * 50), **CUSTOMER)

    assert {each["pointer"].split("/")[2] for each in refused.json()["errors"]} == {str(n) for n in range(50)}


async def test_a_request_of_several_units_names_no_other_unit_and_no_parent(cases: Harness) -> None:
    parent = await opened(cases)
    for wrong in ({"serial": "SN-7", "product_number": "83Z52AA"}, {"parent_id": str(parent)}):
        refused = await cases.post("/v1/cases", of_units(units(2)) | wrong, **CUSTOMER)
        assert refusal(refused) == (422, "a request of several units has units alone, and is below no other case")
    assert refusal(await cases.post("/v1/cases", of_units(units(51)), **CUSTOMER)) == (422, "/units")


async def test_the_same_key_opens_them_once(cases: Harness) -> None:
    first = await cases.post("/v1/cases", of_units(units(3)), key="k", **CUSTOMER)
    again = await cases.post("/v1/cases", of_units(units(3)), key="k", **CUSTOMER)

    assert again.content == first.content
    assert len(await cases.events(CaseOpened)) == 4


async def test_a_unit_that_has_an_open_case_is_flagged_as_a_likely_duplicate(cases: Harness) -> None:
    before = await opened(cases, serial="SN-2")
    _, [one, another] = await opened_for(cases, 2)

    assert [(await shown(cases, each))["duplicate_of"] for each in (one, another)] == [[], [str(before)]]


async def test_a_note_on_the_parent_is_shown_on_the_children(cases: Harness) -> None:
    parent, [one, another] = await opened_for(cases, 2)
    await did(cases, parent, "notes", {"text": "We send a batch.", "visibility": "public"})
    await did(cases, parent, "notes", {"text": "The firmware is to blame."})
    await did(cases, one, "notes", {"text": "Room 4."}, **CUSTOMER)

    assert await notes_of(cases, one, **CUSTOMER) == ["Room 4.", "We send a batch."]
    assert await notes_of(cases, another, **CUSTOMER) == ["We send a batch."]
    assert await notes_of(cases, another) == ["The firmware is to blame.", "We send a batch."]
    assert await notes_of(cases, parent) == ["The firmware is to blame.", "We send a batch."]
    assert (await cases.get(f"/v1/cases/{one}/notes", **STRANGER)).status_code == 404


async def test_a_child_that_is_taken_from_its_parent_shows_its_notes_no_more(cases: Harness) -> None:
    parent, [child, _] = await opened_for(cases, 2)
    await did(cases, parent, "notes", {"text": "We send a batch.", "visibility": "public"})
    etag = (await cases.get(f"/v1/cases/{child}")).headers["etag"]
    left = {"parent_id": None, "note": "another fault"}
    assert (await cases.patch(f"/v1/cases/{child}", left, etag=etag)).status_code == 200

    assert await notes_of(cases, child) == ["another fault"]


async def test_what_answers_the_parent_first_answers_each_child_once(cases: Harness) -> None:
    parent, children = await opened_for(cases, 3)
    await did(cases, children[0], "notes", {"text": "We look at this one.", "visibility": "public"})
    note = await did(cases, parent, "notes", {"text": "We send a batch.", "visibility": "public"})
    await cases.fire_timers()
    await did(cases, parent, "notes", {"text": "It left.", "visibility": "public"})
    await cases.fire_timers()

    told = await cases.events(FirstResponseSent)
    assert [each.case_id for each in told] == [children[0], parent, *children[1:]]
    assert {str(each.note_id) for each in told[1:]} == {note["id"]}
    assert {each.by for each in told} == {note["by"]}


async def test_an_internal_note_and_one_of_the_customers_answer_no_child(cases: Harness) -> None:
    parent, _ = await opened_for(cases, 2)
    await did(cases, parent, "notes", {"text": "Among us."})
    await did(cases, parent, "notes", {"text": "Any news?"}, **CUSTOMER)
    await cases.fire_timers()

    assert await cases.events(FirstResponseSent) == []


async def test_a_child_that_somebody_holds_is_answered_once_they_let_go(cases: Harness) -> None:
    parent, children = await opened_for(cases, 2)
    async with cases.database.pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT set_config('polyplus.scope', 'worker', true)")
        await holder.execute("SELECT FROM cases WHERE id = $1 FOR UPDATE", children[0])
        await did(cases, parent, "notes", {"text": "We send a batch.", "visibility": "public"})
        assert await cases.service.timers.fire_due(cases.database) == 1
        assert [each.case_id for each in await cases.events(FirstResponseSent)] == [parent, children[1]]
    await cases.advance(timedelta(seconds=2))
    assert [each.case_id for each in await cases.events(FirstResponseSent)] == [parent, children[1], children[0]]


async def test_the_parent_closes_after_the_last_unit(cases: Harness) -> None:
    parent, children = await opened_for(cases, 2)
    for each in (parent, *children):
        await did(cases, each, "assign")
        await did(cases, each, "resolve", {"resolution": "replaced"})
    await did(cases, children[0], "close")
    assert refusal(await cases.post(f"/v1/cases/{parent}/close")) == (409, "children-still-open")
    await did(cases, children[1], "close")
    await did(cases, parent, "close")

    assert [each.case_id for each in await cases.events(CaseClosed)] == [*children, parent]


async def test_what_the_children_of_a_case_are_is_counted(cases: Harness) -> None:
    parent, children = await opened_for(cases, 3)
    await did(cases, children[1], "assign")

    assert (await shown(cases, parent))["children_states"] == {"acknowledged": 2, "in_progress": 1}
    assert (await shown(cases, children[0]))["children_states"] == {}
    assert {each.account_id for each in await cases.events(CaseOpened)} == {ACCOUNT}
