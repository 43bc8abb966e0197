"""`possible` names what this caller can do now, and all of it: each role gives each command to a case in each state."""

from typing import Any, get_args
from uuid import UUID, uuid4

import httpx
import pytest

from libs.kit.auth import ROLES
from services.cases.model.lifecycle import CaseState, Command
from services.cases.tests.builders import ACCOUNT, CUSTOMER, in_progress, resolved
from services.cases.tests.test_lifecycle import PATHS, STATES, in_state
from tests.support.harness import Harness
from tests.support.refusals import refusal

NOT_NOW = {(409, "not-possible-now"), (422, "case-closed-to-commands")}


def caller(role: str) -> dict[str, Any]:
    """One who sees the case, if the role sees any."""
    return {"role": role, "accounts": [ACCOUNT] if role in {"customer", "reseller", "integrator", "partner"} else []}


async def give(h: Harness, case_id: UUID, command: Command, problem: str, **who: Any) -> httpx.Response:
    path, nothing = f"/v1/cases/{case_id}", {"reason": "no such thing"}
    match command:
        case "revise":
            etag = (await h.get(path)).headers["etag"]
            return await h.patch(path, {"note": "a note"}, etag=etag, **who)
        case "attachments":
            return await h.post(f"{path}/attachments?file_name=a.txt", {}, **who)
        case "problem":
            return await h.post(f"{path}/problem", {"problem_id": problem}, **who)
        case "children_notes":
            return await h.post(f"{path}/children/notes", {"text": "to all"}, **who)
        case "incident":
            return await h.post(f"{path}/incident", {"incident_id": str(uuid4())}, **who)
        case "merge":
            return await h.post(f"{path}/merge", {"into": str(uuid4()), **nothing}, **who)
        case "withdraw_diagnosis":
            return await h.post(f"{path}/diagnoses/{uuid4()}/withdraw", nothing, **who)
        case "end_wait":
            return await h.post(f"{path}/waits/{uuid4()}/end", nothing, **who)
    words, body = PATHS[command]
    return await h.post(f"{path}/{words}", body, **who)


async def told(h: Harness, case_id: UUID, **who: Any) -> dict[str, Any]:
    """The case as this caller reads it; nothing is possible with one that cannot be read."""
    answer = await h.get(f"/v1/cases/{case_id}", **who)
    assert answer.status_code in {200, 403}
    found: dict[str, Any] = answer.json()
    return found if answer.status_code == 200 else {"possible": []}


@pytest.mark.parametrize("state", STATES)
async def test_what_a_caller_is_told_is_possible_is_and_nothing_else(cases: Harness, state: CaseState) -> None:
    problem = (await cases.post("/v1/problems", {"symptom": "no picture"})).json()["id"]
    case_id = await in_state(cases, state)
    for role in sorted(ROLES):
        who = caller(role)
        possible = (await told(cases, case_id, **who))["possible"]
        for command in get_args(Command):
            answer = await give(cases, case_id, command, problem, **who)
            refused = answer.status_code == 403 or refusal_of(answer) in NOT_NOW
            assert refused == (command not in possible), (role, command, answer.text)
            if refused and answer.status_code != 403:
                said = answer.json()["possible"]
                assert said == possible if possible else len(said) == 1, (role, command)
            if (await told(cases, case_id))["state"] != state:
                case_id = await in_state(cases, state)


def refusal_of(answer: httpx.Response) -> tuple[int, str]:
    return refusal(answer) if answer.status_code >= 400 else (answer.status_code, "")


async def test_every_answer_says_what_is_possible_for_who_asks(cases: Harness) -> None:
    case_id = await in_progress(cases)
    expected = ["attachments", "cancel", "correct", "followers", "notes", "partner_ticket_request", "works"]
    body = {"partner_id": str(uuid4()), "consent": True}
    listed = (await cases.get("/v1/cases", **CUSTOMER)).json()["items"]
    asked = await cases.post(f"/v1/cases/{case_id}/partner-ticket-request", body, **CUSTOMER)
    assert [each["possible"] for each in (*listed, asked.json())] == [expected, expected]


async def test_a_parent_that_waits_for_its_children_says_it_too(cases: Harness) -> None:
    parent = await resolved(cases)
    await cases.post(f"/v1/cases/{parent}/reopen", {"reason": "more rooms fail"})
    await in_progress(cases, parent_id=str(parent), serial="SN-2")
    await cases.post(f"/v1/cases/{parent}/resolve", {"resolution": "replaced"})
    refused = await cases.post(f"/v1/cases/{parent}/close", {}, **CUSTOMER)
    assert refusal(refused) == (409, "children-still-open")
    assert refused.json()["possible"] == [
        "attachments",
        "close",
        "correct",
        "followers",
        "notes",
        "reopen",
        "satisfaction",
        "works",
    ]
