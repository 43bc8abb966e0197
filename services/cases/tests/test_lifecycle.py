"""Which states follow which, and what may be asked of a case in each."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest

from libs.events.cases import CasePending
from libs.kit.states import ForbiddenTransition
from services.cases.model.case import Case
from services.cases.model.lifecycle import CaseState, Command, machine
from services.cases.model.problem import ProblemState
from services.cases.model.problem import machine as problem_machine
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    PARTNER,
    a_fault,
    at,
    did,
    in_progress,
    names,
    opened,
    part_shipped,
    resolved,
    shown,
    waits_of,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal

NOW = datetime(2026, 3, 3, tzinfo=UTC)
PATHS: dict[Command, tuple[str, Any]] = {
    "assign": ("assign", {}),
    "hand_over": ("hand-over", {"note": "the customer calls back at nine"}),
    "severity": ("severity", {"severity": "major", "reason": "one room of many"}),
    "notes": ("notes", {"text": "we look into it"}),
    "diagnoses": ("diagnoses", a_fault()),
    "waits": ("waits", {"wait": "part"}),
    "workaround": ("workaround", {"text": "use the other room", "appropriate_because": "the part takes a day"}),
    "partner_ticket_request": (
        "partner-ticket-request",
        {"partner_id": str(PARTNER), "consent": True, "consent_given_by": "An"},
    ),
    "coverage_override": ("coverage-override", {"covered": True, "reason": "goodwill"}),
    "resolve": ("resolve", {"resolution": "restarted", "end_waits": True}),
    "works": ("works", {}),
    "close": ("close", {}),
    "reopen": ("reopen", {"reason": "it failed again"}),
    "cancel": ("cancel", {"reason": "solved it ourselves"}),
    "cancellation": ("cancellation", {"decision": "accept", "reason": "nothing is under way"}),
    "withdraw_cancellation": ("cancellation", {"decision": "withdraw"}),
    "correct": ("correct", {"language": "en", "reason": "they write English"}),
    "followers": ("followers", {}),
    "satisfaction": ("satisfaction", {"score": 5}),
    "time_entries": ("time-entries", {"minutes": 15, "kind": "call"}),
    "tags": ("tags", {"add": ["network"]}),
    "split": ("split", {"description": "the speaker hums", "reason": "another matter"}),
    "redact": ("redact", {"what": "description", "reason": "it names somebody"}),
}
ELSEWHERE = {
    "attachments",
    "merge",
    "withdraw_diagnosis",
    "end_wait",
    "problem",
    "revise",
    "incident",
    "children_notes",
}
STATES: tuple[CaseState, ...] = get_args(CaseState)
MOVES: dict[CaseState, set[CaseState]] = {
    # Assigned, or the first diagnosis; resolved by the customer's word alone; closed when it is merged into another.
    "acknowledged": {"in_progress", "resolved", "assessing_cancellation", "closed"},
    # The first wait, and the last wait gone.
    "in_progress": {"pending", "resolved", "assessing_cancellation", "closed"},
    # Resolved when the customer is silent and nothing else is waited for.
    "pending": {"in_progress", "resolved", "assessing_cancellation", "closed"},
    # Pending when a wait arrives and the case had resolved by itself.
    "resolved": {"closed", "reopened", "pending"},
    # At once with an assignee, else when assigned.
    "reopened": {"in_progress", "pending", "resolved", "assessing_cancellation", "closed"},
    # Cancelled, or what the facts say.
    "assessing_cancellation": {"cancelled", "acknowledged", "in_progress", "pending", "reopened", "closed"},
    "closed": set(),
    "cancelled": set(),
}
"""Which state may follow which, as it was designed: no part of the code that is tested."""

PROBLEM_MOVES: dict[ProblemState, set[ProblemState]] = {
    "open": {"known_error", "fixed", "closed"},
    "known_error": {"known_error", "fixed", "closed"},
    "fixed": {"fixed", "known_error", "closed"},
    "closed": set(),
}

_WHILE_OPEN = (
    "assign hand_over severity notes children_notes attachments diagnoses withdraw_diagnosis end_wait workaround problem incident "
    "revise correct merge split followers tags time_entries "
    "waits partner_ticket_request coverage_override works cancel redact"
)
TAKES: dict[CaseState, str] = {
    "acknowledged": _WHILE_OPEN,
    "in_progress": f"{_WHILE_OPEN} resolve",
    "pending": f"{_WHILE_OPEN} resolve",
    "reopened": _WHILE_OPEN,
    "resolved": "notes children_notes attachments withdraw_diagnosis problem incident revise correct merge split followers tags time_entries satisfaction coverage_override works close reopen redact",
    "assessing_cancellation": "notes children_notes attachments waits end_wait merge split followers tags time_entries cancellation withdraw_cancellation redact",
    "closed": "redact time_entries satisfaction",
    "cancelled": "redact time_entries",
}
"""Which commands a case takes in which state, written out likewise."""
THEIRS = {"works", "withdraw_cancellation", "satisfaction"}
"""What the customer's side alone can say; everything else an admin can."""


def a_case(state: CaseState) -> Case:
    return Case(
        id=uuid4(),
        account_id=ACCOUNT,
        number="CASE-2026-000001",
        state=state,
        channel="api",
        description="d",
        observed_impact="down",
        customer_severity="minor",
        severity="minor",
        priority="P4",
        language="en",
        reporter_name="An",
        opened_by="customer:1",
        opened_at=NOW,
        epoch_began_at=NOW,
    )


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in MOVES for to in sorted(MOVES[state])])
def test_an_allowed_transition_is_made_and_recorded(state: CaseState, to: CaseState) -> None:
    case = a_case(state)
    case.become(to, NOW, "engineer:1", "because")

    assert case.state == to
    assert [change.model_dump() for change in case.history] == [
        {"state": to, "at": NOW, "by": "engineer:1", "reason": "because"}
    ]


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in MOVES for to in MOVES if to not in MOVES[state]])
def test_a_forbidden_transition_is_refused_and_changes_nothing(state: CaseState, to: CaseState) -> None:
    case = a_case(state)
    with pytest.raises(ForbiddenTransition) as refused:
        case.become(to, NOW, "engineer:1", "because")

    assert (refused.value.state, refused.value.possible) == (state, sorted(MOVES[state]))
    assert (case.state, case.history) == (state, [])


@pytest.mark.parametrize("state", PROBLEM_MOVES)
def test_a_problem_goes_where_it_may_and_nowhere_else(state: ProblemState) -> None:
    assert set(problem_machine.possible(state)) == PROBLEM_MOVES[state]
    for to in PROBLEM_MOVES.keys() - PROBLEM_MOVES[state]:
        with pytest.raises(ForbiddenTransition):
            problem_machine.check(state, to)


async def resolved_by_nobody(h: Harness) -> UUID:
    """A resolved case that is nobody's: the diagnosis took it up."""
    case_id = await opened(h)
    await did(h, case_id, "diagnoses", a_fault())
    await did(h, case_id, "resolve", {"resolution": "replaced the camera"})
    return case_id


async def in_state(h: Harness, state: str) -> UUID:
    if state in {"resolved", "reopened", "closed"}:
        case_id = await resolved_by_nobody(h)
        if state == "reopened":
            await did(h, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)
        elif state == "closed":
            await did(h, case_id, "close", {}, **CUSTOMER)
        return case_id
    if state == "acknowledged":
        return await opened(h)
    case_id = await in_progress(h)
    if state == "pending":
        await did(h, case_id, "waits", {"wait": "partner"})
    if state in {"assessing_cancellation", "cancelled"}:
        await did(h, case_id, "cancel", {"reason": "no longer needed"}, **CUSTOMER)
    if state == "cancelled":
        await did(h, case_id, "cancellation", {"decision": "accept", "reason": "nothing under way"})
    return case_id


def by_whom(command: str) -> dict[str, Any]:
    return CUSTOMER if command in THEIRS else {"role": "admin"}


@pytest.mark.parametrize("state", STATES)
async def test_a_state_takes_its_commands_and_refuses_the_others(cases: Harness, state: CaseState) -> None:
    assert {*PATHS, *ELSEWHERE} == set(get_args(Command))
    takes = set(TAKES[state].split())
    case_id = await in_state(cases, state)
    told = len(await cases.outbox())
    for command in sorted(PATHS.keys() - takes):
        path, body = PATHS[command]
        answer = await cases.post(f"/v1/cases/{case_id}/{path}", body, **by_whom(command))
        over = state in {"closed", "cancelled", "assessing_cancellation"}
        assert refusal(answer) == ((422, "case-closed-to-commands") if over else (409, "not-possible-now")), command
        assert answer.json()["state"] == state
        assert command in THEIRS or answer.json()["possible"] == sorted(takes - THEIRS)
    assert (await shown(cases, case_id))["state"] == state
    assert len(await cases.outbox()) == told
    for command in sorted(PATHS.keys() & takes):
        path, body = PATHS[command]
        await did(cases, await in_state(cases, state), path, body, **by_whom(command))


async def test_assignment_begins_the_work(cases: Harness) -> None:
    case = await did(cases, await opened(cases), "assign")

    assert (case["state"], case["assignee"]["name"]) == ("in_progress", "Lan")
    assert case["history"][-1]["state"] == "in_progress"
    assert names(await cases.events())[-1] == "CaseAssigned"


async def test_the_first_diagnosis_begins_the_work(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "diagnoses", a_fault())

    assert (await shown(cases, case_id))["state"] == "in_progress"


async def test_a_reopened_case_goes_on_at_once_with_who_had_it(cases: Harness) -> None:
    case_id = await resolved(cases)
    case = await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)

    assert (case["state"], case["epoch"], case["resolution"], case["closes_at"]) == ("in_progress", 2, None, None)
    assert [c["state"] for c in case["history"]][-3:] == ["resolved", "reopened", "in_progress"]


async def test_a_reopened_case_that_nobody_has_is_worked_once_somebody_takes_it_up(cases: Harness) -> None:
    case_id = await resolved_by_nobody(cases)
    case = await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)
    assert (case["state"], case["epoch"]) == ("reopened", 2)

    assert (await did(cases, case_id, "assign"))["state"] == "in_progress"


async def test_a_reopened_case_for_which_something_is_awaited_is_pending_at_once(cases: Harness) -> None:
    case_id = await resolved(cases)
    await cases.deliver(part_shipped(case_id, at(1)))
    assert await cases.events(CasePending) == []
    case = await did(cases, case_id, "reopen", {"reason": "it failed again"}, **CUSTOMER)

    assert (case["state"], waits_of(case)) == ("pending", ["part"])
    assert [c["state"] for c in case["history"]][-2:] == ["reopened", "pending"]
    assert names(await cases.events())[-2:] == ["CaseReopened", "CasePending"]


async def test_too_late_to_reopen_a_follow_up_is_offered(cases: Harness) -> None:
    case_id = await resolved(cases)
    await did(cases, case_id, "close", {}, **CUSTOMER)

    answer = await cases.post(f"/v1/cases/{case_id}/reopen", {"reason": "it failed again"}, **CUSTOMER)
    assert refusal(answer) == (422, "case-closed-to-commands")
    assert answer.json()["follow_up"] == {"path": "/v1/cases", "follow_up_of": str(case_id)}


async def test_severity_of_ours_changes_and_the_customers_stays(cases: Harness) -> None:
    case_id = await opened(cases)
    without = await cases.post(f"/v1/cases/{case_id}/severity", {"severity": "minor"})
    by_customer = await cases.post(f"/v1/cases/{case_id}/severity", {"severity": "minor", "reason": "calm"}, **CUSTOMER)
    case = await did(cases, case_id, "severity", {"severity": "minor", "reason": "one seat of many"})

    assert refusal(without) == (422, "/reason")
    assert by_customer.status_code == 403
    assert (case["severity"], case["priority"], case["customer_severity"]) == ("minor", "P4", "critical")
    assert names(await cases.events())[-1] == "SeverityChanged"


async def test_a_cancelled_case_says_so_to_everybody(cases: Harness) -> None:
    case_id = await in_state(cases, "cancelled")

    assert (await shown(cases, case_id))["possible"] == ["time_entries"]
    assert names(await cases.events())[-2:] == ["CancellationRequested", "CaseCancelled"]


async def test_an_expected_date_changes_with_a_note_and_the_etag_that_was_read(cases: Harness) -> None:
    case_id = await in_progress(cases)
    path, when = f"/v1/cases/{case_id}", "2026-12-01T09:00:00+07:00"
    etag = (await cases.get(path)).headers["etag"]

    without = await cases.patch(path, {"expected_resolution_at": when}, etag=etag)
    assert refusal(without) == (422, "changing the expected resolution date needs a note")
    assert (await cases.request("PATCH", path, {"note": "x"})).status_code == 428
    absurd = {"expected_resolution_at": "0001-01-01T00:00:00+14:00", "note": "long ago"}
    assert refusal(await cases.patch(path, absurd, etag=etag)) == (422, "/expected_resolution_at")
    changed = await cases.patch(path, {"expected_resolution_at": when, "note": "the part comes Monday"}, etag=etag)
    assert changed.status_code == 200
    assert changed.json()["expected_resolution_at"] == "2026-12-01T02:00:00Z"
    assert (await cases.patch(path, {"note": "again"}, etag=etag)).status_code == 412
    assert names(await cases.events())[-2:] == ["NoteAdded", "FirstResponseSent"]


async def test_a_parent_never_closes_before_its_children(cases: Harness) -> None:
    parent = await resolved(cases)
    await did(cases, parent, "reopen", {"reason": "more rooms fail"})
    child = await in_progress(cases, parent_id=str(parent), serial="SN-2")
    await did(cases, parent, "assign")
    await did(cases, parent, "resolve", {"resolution": "replaced"})

    refused = await cases.post(f"/v1/cases/{parent}/close", {}, **CUSTOMER)
    assert refusal(refused) == (409, "children-still-open")
    assert refused.json()["children"] == [(await shown(cases, child))["number"]]
    assert (await shown(cases, parent))["children"] == [str(child)]
    await did(cases, child, "resolve", {"resolution": "replaced"})
    await did(cases, child, "close")
    assert (await did(cases, parent, "close"))["state"] == "closed"


async def test_children_have_no_children(cases: Harness) -> None:
    parent, child = await opened(cases), await opened(cases)
    etag = (await cases.get(f"/v1/cases/{child}")).headers["etag"]
    adopted = await cases.patch(f"/v1/cases/{child}", {"parent_id": str(parent)}, etag=etag)
    assert adopted.json()["parent_id"] == str(parent)

    etag = (await cases.get(f"/v1/cases/{parent}")).headers["etag"]
    other = await opened(cases)
    refused = await cases.patch(f"/v1/cases/{parent}", {"parent_id": str(other)}, etag=etag)
    assert refusal(refused) == (409, "parent-of-others")
    himself = await cases.patch(f"/v1/cases/{parent}", {"parent_id": str(parent)}, etag=etag)
    assert refusal(himself) == (422, "no-such-parent")


async def test_a_wait_on_the_customer_says_what_is_needed_and_their_note_ends_it_alone(cases: Harness) -> None:
    case_id = await in_progress(cases)
    without = await cases.post(f"/v1/cases/{case_id}/waits", {"wait": "customer"})
    assert refusal(without) == (422, "a wait on the customer needs a note saying what is needed")
    await did(cases, case_id, "waits", {"wait": "customer", "note": "Please send the log."})
    await did(cases, case_id, "waits", {"wait": "part"})
    assert (await shown(cases, case_id))["state"] == "pending"

    await did(cases, case_id, "notes", {"text": "we also think about it"})
    assert waits_of(await shown(cases, case_id)) == ["customer", "part"]
    await did(cases, case_id, "notes", {"text": "Đây ạ."}, **CUSTOMER)
    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("pending", ["part"])
    [part] = [w for w in case["waits"] if w["kind"] == "part"]
    case = await did(cases, case_id, f"waits/{part['id']}/end", {"reason": "found one in the cupboard"})
    assert case["state"] == "in_progress"
    again = await cases.post(f"/v1/cases/{case_id}/waits/{part['id']}/end", {"reason": "twice"})
    unknown = await cases.post(f"/v1/cases/{case_id}/waits/{uuid4()}/end", {"reason": "nothing"})
    assert refusal(again) == (409, "wait-ended-already")
    assert unknown.status_code == 404
    found = names(await cases.events())
    assert (found.count("CasePending"), found.count("CaseResumed")) == (2, 2)


def test_the_readme_draws_the_machine_as_it_is() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")

    assert machine.states == set(MOVES)
    assert f"```mermaid\n{machine.mermaid()}```" in readme
