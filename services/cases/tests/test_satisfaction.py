"""How content customers are with how their cases were worked."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.cases_work import SatisfactionGiven, TextRedacted
from services.cases.tests.builders import CUSTOMER, STRANGER, did, in_progress, opened, resolved
from services.cases.tests.test_closing_codes import policy
from tests.support.harness import Harness
from tests.support.refusals import refusal

PARTNER: dict[str, Any] = {**CUSTOMER, "role": "partner"}
MANAGER: dict[str, Any] = {"role": "manager"}


async def given(h: Harness, case_id: UUID, score: int, words: str | None = None) -> dict[str, Any]:
    return await did(h, case_id, "satisfaction", {"score": score, "words": words}, **CUSTOMER)


async def of_case(h: Harness, case_id: UUID, **who: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await h.get(f"/v1/cases/{case_id}/satisfaction", **who)).json()["items"]
    return found


@pytest.mark.parametrize("over", [False, True], ids=["resolved", "closed"])
async def test_a_customer_says_how_it_was(over: bool, cases: Harness) -> None:
    case_id = await resolved(cases)
    if over:
        await did(cases, case_id, "close", **CUSTOMER)
    await given(cases, case_id, 4, "Nhanh, cảm ơn.")
    [shown] = await of_case(cases, case_id)
    assert (shown["score"], shown["words"], shown["epoch"], shown["queue"]) == (4, "Nhanh, cảm ơn.", 1, "support")
    [told] = await cases.events(SatisfactionGiven)
    assert (told.score, told.previous_score, told.words, told.queue) == (4, None, "Nhanh, cảm ơn.", "support")


async def test_it_is_changed_within_the_policys_days_and_stays_then(cases: Harness) -> None:
    await policy(cases, satisfaction_change_days=3)
    case_id = await resolved(cases)
    first = await given(cases, case_id, 5)
    await cases.advance(timedelta(days=2, hours=23))
    changed = await given(cases, case_id, 2, "It is dark again.")
    assert (changed["id"], changed["score"]) == (first["id"], 2)
    await given(cases, case_id, 2, "It is dark again.")
    told = await cases.events(SatisfactionGiven)
    assert [(each.score, each.previous_score) for each in told] == [(5, None), (2, 5)]
    await cases.advance(timedelta(hours=2))
    answer = await cases.post(f"/v1/cases/{case_id}/satisfaction", {"score": 1}, **CUSTOMER)
    assert refusal(answer) == (409, "satisfaction-settled")
    assert [each["score"] for each in await of_case(cases, case_id)] == [2]


async def test_each_resolution_has_a_word_of_its_own(cases: Harness) -> None:
    case_id = await resolved(cases)
    await given(cases, case_id, 5)
    await did(cases, case_id, "reopen", {"reason": "dark again"}, **CUSTOMER)
    answer = await cases.post(f"/v1/cases/{case_id}/satisfaction", {"score": 1}, **CUSTOMER)
    assert refusal(answer) == (409, "not-possible-now")
    await did(cases, case_id, "resolve", {"resolution": "replaced"})
    await given(cases, case_id, 1)
    assert [(each["epoch"], each["score"]) for each in await of_case(cases, case_id)] == [(2, 1), (1, 5)]


@pytest.mark.parametrize("body", [{"score": 0}, {"score": 6}, {"score": 4.5}, {"score": None}, {"words": "fine"}])
async def test_a_score_is_one_to_five(body: dict[str, Any], cases: Harness) -> None:
    case_id = await resolved(cases)
    answer = await cases.post(f"/v1/cases/{case_id}/satisfaction", body, **CUSTOMER)
    assert refusal(answer) == (422, "/score")
    assert await of_case(cases, case_id) == []


async def test_nobody_else_says_it_and_a_partner_does_not_read_it(cases: Harness) -> None:
    case_id, path = await resolved(cases), "satisfaction"
    for role in ("engineer", "manager", "partner", "integrator"):
        who = {**CUSTOMER, "role": role} if role in ("partner", "integrator") else {"role": role}
        answer = await cases.post(f"/v1/cases/{case_id}/{path}", {"score": 5}, **who)
        assert refusal(answer) == (403, "forbidden"), role
    assert (await cases.post(f"/v1/cases/{case_id}/{path}", {"score": 5}, **STRANGER)).status_code == 404
    assert (await cases.get(f"/v1/cases/{case_id}/{path}", **PARTNER)).status_code == 403
    assert (await cases.get(f"/v1/cases/{case_id}/{path}", **STRANGER)).status_code == 404


async def test_a_duplicate_has_none_of_its_own(cases: Harness) -> None:
    survivor, case_id = await opened(cases), await in_progress(cases)
    await did(cases, case_id, "merge", {"into": str(survivor), "reason": "they asked twice"})
    answer = await cases.post(f"/v1/cases/{case_id}/satisfaction", {"score": 5}, **CUSTOMER)
    assert refusal(answer) == (422, "case-closed-to-commands")
    assert answer.json()["merged_into"] == str(survivor)


async def test_managers_find_it_by_queue_and_score(cases: Harness) -> None:
    scores = (5, 3, 5)
    for n, score in enumerate(scores):
        await given(cases, await resolved(cases, serial=f"SN-{n}"), score)
    found = (await cases.get("/v1/satisfaction?queue=support&score=5", **MANAGER)).json()["items"]
    assert [each["score"] for each in found] == [5, 5]
    assert (await cases.get("/v1/satisfaction?queue=night", **MANAGER)).json()["items"] == []
    time = "given_from=2020-01-01T00:00:00Z&given_before=2100-01-01T00:00:00Z"
    counted = (await cases.get(f"/v1/satisfaction/by-queue?{time}", **MANAGER)).json()["items"]
    assert counted == [{"queue": "support", "answers": 3, "average": 4.33, "scores": {"3": 1, "5": 2}}]
    none = "given_from=2020-01-01T00:00:00Z&given_before=2020-02-01T00:00:00Z"
    assert (await cases.get(f"/v1/satisfaction/by-queue?{none}", **MANAGER)).json()["items"] == []
    assert (await cases.get("/v1/satisfaction")).status_code == 403


async def test_what_they_wrote_can_be_taken_out(cases: Harness) -> None:
    case_id = await resolved(cases)
    word = await given(cases, case_id, 2, "My password is hunter2")
    body = {"what": "satisfaction", "text_id": word["id"], "reason": "a password"}
    await did(cases, case_id, "redact", body, **MANAGER)
    [left] = await of_case(cases, case_id)
    assert (left["words"], left["score"], left["redacted"]["reason"]) == ("", 2, "a password")
    [told] = await cases.events(TextRedacted)
    assert (told.what, str(told.id)) == ("satisfaction", word["id"])
    assert "hunter2" not in "".join(map(str, await cases.events(SatisfactionGiven)))
