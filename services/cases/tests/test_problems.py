"""Problem management: known errors found in either language, fixes and workarounds told to every linked case."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.cases_work import ProblemLinked, ProblemUpdated, WorkaroundProvided
from services.cases.tests.builders import CUSTOMER, a_request, did, in_progress, names, opened, resolved
from tests.support.harness import Harness
from tests.support.refusals import refusal

SYMPTOM = "Camera không nhận hình sau khi cập nhật"
KEYWORDS = ["no video after update", "mất hình"]


async def a_problem(h: Harness, **fields: Any) -> UUID:
    body = {"symptom": SYMPTOM, "keywords": KEYWORDS, "product_numbers": ["83Z52AA"], **fields}
    answer = await h.post("/v1/problems", body)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def respond(h: Harness, problem: UUID, response: str = "workaround", **fields: Any) -> Any:
    body = {"response": response, "reason": "the room is needed today", **fields}
    return await h.post(f"/v1/problems/{problem}/respond", body)


@pytest.mark.promise("S25")
@pytest.mark.parametrize("text", ["camera không nhận hình", "CAMERA KHONG NHAN HINH", "no video after the update"])
async def test_a_known_error_is_proposed_at_intake_in_either_language(cases: Harness, text: str) -> None:
    known = await a_problem(cases)
    await a_problem(cases, symptom="Loa bị rè", keywords=["speaker noise", "tiếng vỡ"])
    unpublished = await cases.post("/v1/cases", a_request(description=text), **CUSTOMER)
    assert unpublished.json()["known_errors"] == []

    await respond(cases, known, workaround="Use the USB camera.")
    answer = await cases.post("/v1/cases", a_request(description=text), **CUSTOMER)
    assert [(k["id"], k["workaround"]) for k in answer.json()["known_errors"]] == [(str(known), "Use the USB camera.")]


async def test_customers_search_published_known_errors_and_see_no_inner_life(cases: Harness) -> None:
    known = await a_problem(cases, root_cause="a race in the driver", firmware="4.5.0", family="studio")
    await a_problem(cases, firmware="4.4.0")
    await respond(cases, known, workaround="Use the USB camera.")

    [found] = (await cases.get("/v1/problems?q=khong nhan hinh&firmware=4.5.0", **CUSTOMER)).json()["items"]
    assert (found["id"], found["root_cause"], found["history"]) == (str(known), None, None)
    by_product = (await cases.get("/v1/problems?product_number=83Z52AA&q=camera")).json()["items"]
    assert len(by_product) == 2
    assert by_product[0]["root_cause"] == "a race in the driver"
    assert (await cases.get("/v1/problems?q=chuột", **CUSTOMER)).json()["items"] == []
    assert (await cases.get("/v1/problems?q=là", **CUSTOMER)).json()["items"] == []


async def test_an_unpublished_problem_is_not_there_for_customers(cases: Harness) -> None:
    problem = await a_problem(cases)

    assert (await cases.get(f"/v1/problems/{problem}", **CUSTOMER)).status_code == 404
    assert (await cases.get(f"/v1/problems/{problem}")).status_code == 200
    assert (await cases.get("/v1/problems", **CUSTOMER)).json()["items"] == []
    assert (await cases.post("/v1/problems", {"symptom": "x"}, **CUSTOMER)).status_code == 403


@pytest.mark.promise("S25")
async def test_a_published_workaround_and_fix_tell_every_linked_case_that_is_worked_on(cases: Harness) -> None:
    problem, first, second = await a_problem(cases), await opened(cases), await in_progress(cases)
    over, unrelated = await resolved(cases), await opened(cases)
    for case_id in (first, second, over):
        await did(cases, case_id, "problem", {"problem_id": str(problem)})
    assert len(await cases.events(ProblemLinked)) == 3
    await respond(cases, problem, workaround="Use the USB camera.")
    await respond(cases, problem, "fix", fix_release="4.5.1")

    told = await cases.events(WorkaroundProvided)
    assert [t.kind for t in told] == ["workaround", "workaround", "fix", "fix"]
    assert {t.case_id for t in told} == {first, second}
    assert unrelated not in {t.case_id for t in told}
    assert told[-1].fix_release == "4.5.1"
    assert [p.status for p in await cases.events(ProblemUpdated)] == ["open", "known_error", "fixed"]


async def test_a_fix_of_a_long_story_is_told_whole(cases: Harness) -> None:
    """What is told is put together of two texts, each as long as it may be."""
    problem, case_id = await a_problem(cases, symptom="s" * 10_000), await opened(cases)
    await did(cases, case_id, "problem", {"problem_id": str(problem)})

    answer = await respond(cases, problem, "fix", fix_release="4" * 200)

    assert answer.status_code == 200, answer.text
    (told,) = await cases.events(WorkaroundProvided)
    assert told.text == f"{'s' * 10_000}: {'4' * 200}"


async def test_why_nothing_is_the_appropriate_response_is_recorded(cases: Harness) -> None:
    problem = await a_problem(cases)
    answer = await respond(cases, problem, "none")

    assert (answer.json()["status"], answer.json()["response"]) == ("open", "none")
    assert answer.json()["history"][-1]["reason"] == "the room is needed today"
    assert refusal(await respond(cases, problem, "fix")) == (422, "nothing-to-publish")
    assert refusal(await respond(cases, problem, "workaround")) == (422, "nothing-to-publish")


async def test_a_closed_problem_takes_no_response_and_says_so(cases: Harness) -> None:
    problem = await a_problem(cases)
    assert (await cases.post(f"/v1/problems/{problem}/close", {"reason": "a rare fault"})).json()["status"] == "closed"

    refused = await respond(cases, problem, workaround="Use the USB camera.")
    assert refusal(refused) == (409, "forbidden-transition")
    assert (refused.json()["state"], refused.json()["possible"]) == ("closed", [])


async def test_a_revised_symptom_is_what_is_found(cases: Harness) -> None:
    problem = await a_problem(cases)
    path = f"/v1/problems/{problem}"
    etag = (await cases.get(path)).headers["etag"]
    revised = await cases.patch(path, {"symptom": "Đèn nhấp nháy", "root_cause": "a loose cable"}, etag=etag)

    assert revised.status_code == 200
    assert [p["id"] for p in (await cases.get("/v1/problems?q=den nhap nhay")).json()["items"]] == [str(problem)]
    assert refusal(await cases.patch(path, {"status": "closed"}, etag=etag)) == (422, "/status")
    assert names(await cases.events()) == ["ProblemUpdated", "ProblemUpdated"]


async def test_linking_to_no_problem_is_refused(cases: Harness) -> None:
    case_id = await opened(cases)

    assert (await cases.post(f"/v1/cases/{case_id}/problem", {"problem_id": str(uuid4())})).status_code == 404
