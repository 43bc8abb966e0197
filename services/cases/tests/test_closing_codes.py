"""What ended the trouble, as a code of a list that managers keep."""

from typing import Any

import pytest

from libs.events.cases import CaseClosed, CaseResolved
from services.cases.tests.builders import CUSTOMER, did, in_progress, opened, resolved, shown
from tests.support.harness import Harness
from tests.support.refusals import refusal

ADVICE = {"code": "guidance", "vi": "Đã hướng dẫn sử dụng", "en": "Guidance given"}
DONE = {"resolution": "Explained how the camera is turned on."}


async def policy(h: Harness, **settings: Any) -> None:
    answer = await h.post("/v1/cases-policies", {"settings": settings, "why": "reports"}, role="manager")
    assert answer.status_code == 201, answer.text


async def test_what_ended_it_is_said_shown_and_told(cases: Harness) -> None:
    case_id = await in_progress(cases)
    answer = await did(cases, case_id, "resolve", {**DONE, "closing_code": "guidance"})
    assert answer["closing_code"] == ADVICE
    await did(cases, case_id, "close", **CUSTOMER)
    [told], [closed] = await cases.events(CaseResolved), await cases.events(CaseClosed)
    assert (told.closing_code, closed.closing_code) == ("guidance", "guidance")
    read = await cases.get(f"/v1/cases/{case_id}", **CUSTOMER)
    assert read.json()["closing_code"] == ADVICE


async def test_a_case_that_resolved_by_itself_has_none_until_we_close_it_with_one(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "works", **CUSTOMER)
    assert (await shown(cases, case_id))["closing_code"] is None
    answer = await did(cases, case_id, "close", {"closing_code": "no-fault-found"})
    assert answer["closing_code"]["en"] == "No fault found"
    assert [told.closing_code for told in await cases.events(CaseClosed)] == ["no-fault-found"]


async def test_a_reopened_case_has_none(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "resolve", {**DONE, "closing_code": "guidance"})
    await did(cases, case_id, "reopen", {"reason": "dark again"})
    assert (await shown(cases, case_id))["closing_code"] is None


async def test_cases_are_found_by_it(cases: Harness) -> None:
    case_id, _ = await in_progress(cases), await resolved(cases, serial="SN-2")
    await did(cases, case_id, "resolve", {**DONE, "closing_code": "guidance"})
    found = (await cases.get("/v1/cases?closing_code=guidance")).json()["items"]
    assert [each["id"] for each in found] == [str(case_id)]
    assert (await cases.get("/v1/cases?closing_code=partner")).json()["items"] == []


async def test_a_code_that_the_list_has_not_is_refused(cases: Harness) -> None:
    case_id = await in_progress(cases)
    answer = await cases.post(f"/v1/cases/{case_id}/resolve", {**DONE, "closing_code": "magic"})
    assert refusal(answer) == (422, "no-such-code")
    assert "guidance" in answer.json()["known"]
    assert (await shown(cases, case_id))["state"] == "in_progress"
    await did(cases, case_id, "resolve", DONE)
    answer = await cases.post(f"/v1/cases/{case_id}/close", {"closing_code": "magic"})
    assert refusal(answer) == (422, "no-such-code")
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_a_customer_gives_none(cases: Harness) -> None:
    case_id = await resolved(cases)
    answer = await cases.post(f"/v1/cases/{case_id}/close", {"closing_code": "guidance"}, **CUSTOMER)
    assert refusal(answer) == (403, "forbidden")
    assert (await shown(cases, case_id))["state"] == "resolved"


async def test_a_policy_requires_it_of_us_and_of_nobody_else(cases: Harness) -> None:
    await policy(cases, closing_code_required=True)
    case_id, theirs = await in_progress(cases), await opened(cases, serial="SN-2")
    assert refusal(await cases.post(f"/v1/cases/{case_id}/resolve", DONE)) == (422, "code-required")
    assert (await shown(cases, case_id))["state"] == "in_progress"
    await did(cases, case_id, "resolve", {**DONE, "closing_code": "guidance"})
    await did(cases, case_id, "close")

    await did(cases, theirs, "works", **CUSTOMER)
    assert refusal(await cases.post(f"/v1/cases/{theirs}/close")) == (422, "code-required")
    await did(cases, theirs, "close", **CUSTOMER)
    assert (await shown(cases, theirs))["state"] == "closed"


async def test_a_code_that_left_the_list_is_still_read_where_it_was_given(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await policy(cases, closing_codes=[{"code": "pixie", "vi": "Bụi tiên", "en": "Pixie dust"}])
    await did(cases, case_id, "resolve", {**DONE, "closing_code": "pixie"})
    await policy(cases)
    assert (await shown(cases, case_id))["closing_code"]["vi"] == "Bụi tiên"
    assert len((await cases.get("/v1/cases?closing_code=pixie")).json()["items"]) == 1


@pytest.mark.parametrize("code", ["Two Words", "", "-", "đ", "a" * 41])
async def test_a_list_of_codes_is_held_to_its_form(code: str, cases: Harness) -> None:
    entry = {"code": code, "vi": "x", "en": "x"}
    answer = await cases.post(
        "/v1/cases-policies", {"settings": {"closing_codes": [entry]}, "why": "reports"}, role="manager"
    )
    assert refusal(answer) == (422, "invalid-policy")


async def test_a_code_stands_in_its_list_once(cases: Harness) -> None:
    twice = {"settings": {"closing_codes": [ADVICE, {**ADVICE, "code": "Guidance"}]}, "why": "reports"}
    assert refusal(await cases.post("/v1/cases-policies", twice, role="manager")) == (422, "invalid-policy")
