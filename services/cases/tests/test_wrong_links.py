"""Links that were wrong are undone, by whom and why is told: to a problem, a duplicate, a parent; and a manager's word on the cover."""

from typing import Any
from uuid import UUID, uuid4

from libs.events.cases import CaseCorrected, CoverageOverrideWithdrawn
from libs.events.cases_work import ProblemUnlinked, WorkaroundProvided
from services.cases.tests.builders import CUSTOMER, did, opened, shown
from tests.support.harness import Harness
from tests.support.refusals import refusal

WHY = {"reason": "another fault"}


async def a_problem(h: Harness) -> str:
    answer = await h.post("/v1/problems", {"symptom": "no picture", "keywords": ["black screen", "mất hình"]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_case_that_is_none_of_the_problems_is_told_no_workaround(cases: Harness) -> None:
    case_id, stays, problem = await opened(cases), await opened(cases), await a_problem(cases)
    for each in (case_id, stays):
        await did(cases, each, "problem", {"problem_id": problem})
    case = await did(cases, case_id, "problem/unlink", WHY)
    body = {"response": "workaround", "reason": "it helps", "workaround": "use the other camera"}
    assert (await cases.post(f"/v1/problems/{problem}/respond", body)).status_code == 200

    assert case["problem_id"] is None
    [told] = await cases.events(ProblemUnlinked)
    assert (told.case_id, str(told.problem_id), told.reason, told.by_role) == (
        case_id,
        problem,
        WHY["reason"],
        "engineer",
    )
    assert [each.case_id for each in await cases.events(WorkaroundProvided)] == [stays]
    again = await cases.post(f"/v1/cases/{case_id}/problem/unlink", WHY)
    assert refusal(again) == (409, "not-linked")
    assert "problem" in again.json()["possible"]
    assert (await cases.post(f"/v1/cases/{stays}/problem/unlink", WHY, **CUSTOMER)).status_code == 403


async def duplicates(h: Harness, *ids: UUID) -> list[list[str]]:
    return [(await shown(h, each))["duplicates"] for each in ids]


async def test_a_wrong_duplicate_is_parted_from_whichever_side(cases: Harness) -> None:
    for of_the_later in (True, False):
        first, second = (
            await opened(cases, serial=f"SN-{of_the_later}"),
            await opened(cases, serial=f"SN-{of_the_later}"),
        )
        one, other = (second, first) if of_the_later else (first, second)
        assert await duplicates(cases, one, other) == [[str(other)], [str(one)]]
        body: dict[str, Any] = {"not_duplicate_of": [str(other)], **WHY}
        assert (await cases.post(f"/v1/cases/{one}/correct", body, **CUSTOMER)).status_code == 403
        await did(cases, one, "correct", body)

        assert await duplicates(cases, one, other) == [[], []]
        told = (await cases.events(CaseCorrected))[-1]
        assert (told.case_id, told.what, told.reason) == (second, ["duplicates"], WHY["reason"])
        assert (told.old.duplicate_of, told.new.duplicate_of) == ([first], [])
        assert (await shown(cases, second))["corrections"][0]["what"] == ["duplicates"]


async def test_what_is_no_duplicate_of_it_is_refused_and_nothing_is_parted(cases: Harness) -> None:
    first, second = await opened(cases), await opened(cases)
    for nothing in (uuid4(), second):
        body = {"not_duplicate_of": [str(first), str(nothing)], **WHY}
        assert refusal(await cases.post(f"/v1/cases/{second}/correct", body)) == (422, "no-such-duplicate")
    assert await duplicates(cases, second) == [[str(first)]]
    assert await cases.events(CaseCorrected) == []


async def test_a_case_is_taken_from_its_parent_with_a_word_why(cases: Harness) -> None:
    parent, child = await opened(cases), await opened(cases, serial="SN-2")
    path = f"/v1/cases/{child}"

    async def say(body: dict[str, Any]) -> Any:
        return await cases.patch(path, body, etag=(await cases.get(path)).headers["etag"])

    assert (await say({"parent_id": str(parent)})).status_code == 200
    assert await cases.events(CaseCorrected) == []
    refused = await say({"parent_id": None})
    assert refusal(refused) == (422, "taking a case from its parent needs a note")
    assert (await say({"parent_id": None, "note": "another room"})).json()["parent_id"] is None
    assert (await shown(cases, parent))["children"] == []
    [told] = await cases.events(CaseCorrected)
    assert (told.what, told.old.parent_id, told.new.parent_id, told.reason) == (
        ["parent"],
        parent,
        None,
        "another room",
    )


async def test_a_managers_word_on_the_cover_is_taken_back(cases: Harness) -> None:
    case_id = await opened(cases)
    path = f"/v1/cases/{case_id}/coverage-override"
    none = await cases.post(f"{path}/withdraw", WHY, role="manager")
    assert refusal(none) == (409, "not-overridden")
    await did(cases, case_id, "coverage-override", {"covered": True, "reason": "goodwill"}, role="manager")
    assert (await cases.post(f"{path}/withdraw", WHY, role="engineer")).status_code == 403
    case = await did(cases, case_id, "coverage-override/withdraw", WHY, role="manager")

    assert case["coverage"]["override"] is None
    [told] = await cases.events(CoverageOverrideWithdrawn)
    assert (told.case_id, told.reason, told.by.partition(":")[0]) == (case_id, WHY["reason"], "manager")
    assert refusal(await cases.post(f"{path}/withdraw", WHY, role="manager")) == (409, "not-overridden")
