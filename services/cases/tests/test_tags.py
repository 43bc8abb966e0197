"""What staff sort cases under, by a list that managers keep."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.cases_work import TagsChanged
from services.cases.tests.builders import CUSTOMER, did, in_progress, opened, resolved, shown
from services.cases.tests.test_closing_codes import policy
from tests.support.harness import Harness
from tests.support.refusals import refusal

PARTNER: dict[str, Any] = {**CUSTOMER, "role": "partner"}


def tags_of(case: dict[str, Any]) -> list[str]:
    return [each["code"] for each in case["tags"]]


def ids(page: dict[str, Any]) -> list[UUID]:
    return [UUID(each["id"]) for each in page["items"]]


async def listed(h: Harness, query: str) -> list[UUID]:
    answer = await h.get(f"/v1/cases?{query}")
    assert answer.status_code == 200, answer.text
    return ids(answer.json())


async def test_a_tag_is_shown_in_both_languages_and_told_to_staff(cases: Harness) -> None:
    case_id = await opened(cases)
    case = await did(cases, case_id, "tags", {"add": ["recurring", "network", "network"]})
    assert case["tags"][1] == {"code": "recurring", "vi": "Lặp lại", "en": "Recurring"}
    case = await did(cases, case_id, "tags", {"add": ["network", "training"], "remove": ["recurring", "accessory"]})
    assert tags_of(case) == ["network", "training"]
    first, second = await cases.events(TagsChanged)
    assert (first.tags, first.added, first.removed) == (["network", "recurring"], ["network", "recurring"], [])
    assert (second.tags, second.added, second.removed) == (["network", "training"], ["training"], ["recurring"])
    assert TagsChanged.contract.visibility == "internal"


async def test_what_changes_nothing_is_not_told(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "tags", {"add": ["network"]})
    etag = (await cases.get(f"/v1/cases/{case_id}")).headers["etag"]
    await did(cases, case_id, "tags", {"add": ["network"], "remove": ["training"]})
    assert (await cases.get(f"/v1/cases/{case_id}")).headers["etag"] == etag
    assert len(await cases.events(TagsChanged)) == 1


async def test_two_who_tag_at_once_do_not_undo_each_other(cases: Harness) -> None:
    case_id = await opened(cases)
    codes = ["accessory", "installation", "network", "recurring", "training"]
    await asyncio.gather(*(did(cases, case_id, "tags", {"add": [code]}) for code in codes))
    assert tags_of(await shown(cases, case_id)) == codes


async def test_cases_are_found_by_their_tag_the_newest_first_page_after_page(cases: Harness) -> None:
    made = list[UUID]()
    for n in range(5):
        case_id = await opened(cases, serial=f"SN-{n}")
        await did(cases, case_id, "tags", {"add": ["network"] if n != 2 else ["training"]})
        made.append(case_id)
        await cases.advance(timedelta(minutes=1))
    first = (await cases.get("/v1/cases?tag=network&limit=2")).json()
    assert ids(first) == [made[4], made[3]]
    rest = (await cases.get(f"/v1/cases?tag=network&limit=2&cursor={first['next_cursor']}")).json()
    assert (ids(rest), rest["next_cursor"]) == ([made[1], made[0]], None)
    assert await listed(cases, "tag=training&state=acknowledged") == [made[2]]
    assert await listed(cases, "tag=network&sort=opened_at&limit=1") == [made[0]]
    assert await listed(cases, "tag=accessory") == []
    await did(cases, made[2], "tags", {"remove": ["training"]})
    assert await listed(cases, "tag=training") == []
    counted = (await cases.get("/v1/cases?tag=network&counts=state")).json()["counts"]["state"]
    assert counted["acknowledged"] == 4


@pytest.mark.parametrize("who", [CUSTOMER, PARTNER], ids=["customer", "partner"])
async def test_no_one_outside_sees_tags_or_asks_for_them(who: dict[str, Any], cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "tags", {"add": ["network"]})
    read = await cases.get(f"/v1/cases/{case_id}", **who)
    assert (read.status_code, read.json()["tags"]) == (200, [])
    assert "network" not in (await cases.get("/v1/cases", **who)).text
    assert refusal(await cases.get("/v1/cases?tag=network", **who)) == (403, "forbidden")
    assert refusal(await cases.post(f"/v1/cases/{case_id}/tags", {"add": ["network"]}, **who)) == (403, "forbidden")


async def test_a_tag_that_the_list_has_not_is_refused(cases: Harness) -> None:
    case_id = await opened(cases)
    answer = await cases.post(f"/v1/cases/{case_id}/tags", {"add": ["network", "Vip"]})
    assert refusal(answer) == (422, "no-such-code")
    assert (answer.json()["unknown"], answer.json()["field"]) == (["Vip"], "add")
    assert tags_of(await shown(cases, case_id)) == []


async def test_a_case_has_a_bounded_number(cases: Harness) -> None:
    await policy(cases, tags_most=2)
    case_id = await opened(cases)
    await did(cases, case_id, "tags", {"add": ["network", "training"]})
    answer = await cases.post(f"/v1/cases/{case_id}/tags", {"add": ["recurring"]})
    assert refusal(answer) == (422, "too-many-tags")
    await did(cases, case_id, "tags", {"add": ["recurring"], "remove": ["network"]})
    assert tags_of(await shown(cases, case_id)) == ["recurring", "training"]


async def test_what_is_said_twice_is_refused(cases: Harness) -> None:
    case_id = await opened(cases)
    answer = await cases.post(f"/v1/cases/{case_id}/tags", {"add": ["network"], "remove": ["network"]})
    assert refusal(answer) == (422, "to be added and removed: network")


async def test_a_tag_that_left_the_list_stays_and_can_be_removed(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "tags", {"add": ["network"]})
    await policy(cases, tags=[{"code": "vip", "vi": "Khách quan trọng", "en": "VIP"}])
    case = await did(cases, case_id, "tags", {"add": ["vip"]})
    assert [each["en"] for each in case["tags"]] == ["Network", "VIP"]
    assert await listed(cases, "tag=network") == [case_id]
    assert tags_of(await did(cases, case_id, "tags", {"remove": ["network"]})) == ["vip"]


async def test_a_resolved_case_is_tagged_and_a_closed_one_is_not(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "tags", {"add": ["network"]})
    await did(cases, case_id, "close")
    answer = await cases.post(f"/v1/cases/{case_id}/tags", {"add": ["training"]})
    assert refusal(answer) == (422, "case-closed-to-commands")
    assert tags_of(await shown(cases, case_id)) == ["network"]
    assert "tags" not in (await shown(cases, case_id))["possible"]
    assert "tags" in (await shown(cases, await in_progress(cases, serial="SN-2")))["possible"]
