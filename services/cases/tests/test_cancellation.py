"""While a cancellation is assessed the case hears everybody; afterwards it is cancelled, or what the facts say."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.cases import (
    CancellationDeclined,
    CancellationWithdrawn,
    CaseCancelled,
    CasePending,
    CaseReopened,
    CaseResumed,
)
from services.cases.tests.builders import (
    CUSTOMER,
    STRANGER,
    at,
    did,
    in_progress,
    part_shipped,
    shown,
    visit_completed,
    waits_of,
)
from services.cases.tests.test_lifecycle import in_state
from tests.support.harness import Harness
from tests.support.refusals import refusal

DECLINE = {"decision": "decline", "reason": "the part has shipped"}
WITHDRAW = {"decision": "withdraw"}


async def assessed(h: Harness, case_id: UUID | None = None) -> UUID:
    case_id = case_id or await in_progress(h)
    await did(h, case_id, "cancel", {"reason": "no longer needed"}, **CUSTOMER)
    return case_id


async def test_a_case_that_is_assessed_takes_notes_files_and_questions(cases: Harness) -> None:
    case_id = await assessed(cases)
    question = await did(cases, case_id, "waits", {"wait": "customer", "note": "Shall the part still come?"})
    sent = await cases.post(f"/v1/cases/{case_id}/attachments?file_name=a.txt", {}, **CUSTOMER)
    assert sent.status_code == 201
    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("assessing_cancellation", ["customer"])
    assert [each.wait for each in await cases.events(CasePending)] == ["customer"]

    await did(cases, case_id, "notes", {"text": "Please do not cancel."}, **CUSTOMER)
    case = await shown(cases, case_id)
    assert (case["state"], waits_of(case)) == ("assessing_cancellation", [])
    assert [str(each.wait_id) for each in await cases.events(CaseResumed)] == [question["id"]]
    assert await cases.events(CaseReopened) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("acknowledged", "acknowledged"),
        ("in_progress", "in_progress"),
        ("pending", "pending"),
        ("reopened", "reopened"),
    ],
)
@pytest.mark.parametrize("decision", [DECLINE, WITHDRAW])
async def test_declined_or_withdrawn_it_goes_on_where_it_was(
    cases: Harness, before: str, after: str, decision: dict[str, Any]
) -> None:
    case_id = await assessed(cases, await in_state(cases, before))
    who = CUSTOMER if decision is WITHDRAW else {}
    case = await did(cases, case_id, "cancellation", decision, **who)

    assert (case["state"], case["cancellation"]) == (after, None)
    declined, withdrawn = await cases.events(CancellationDeclined), await cases.events(CancellationWithdrawn)
    assert [each.back_to for each in withdrawn] == ([after] if decision is WITHDRAW else [])
    assert [each.back_to for each in declined] == ([after] if decision is DECLINE else [])


async def test_what_happened_meanwhile_counts_afterwards(cases: Harness) -> None:
    case_id = await assessed(cases)
    await cases.deliver(part_shipped(case_id, at(1)))
    case = await did(cases, case_id, "cancellation", WITHDRAW, **CUSTOMER)
    assert (case["state"], waits_of(case)) == ("pending", ["part"])

    other = await assessed(cases)
    await cases.deliver(visit_completed(other, at(1)))
    assert (await shown(cases, other))["state"] == "assessing_cancellation"
    case = await did(cases, other, "cancellation", DECLINE)
    assert [c["state"] for c in case["history"]][-2:] == ["in_progress", "resolved"]


async def test_the_customer_withdraws_and_we_accept_or_decline(cases: Harness) -> None:
    case_id = await assessed(cases)
    path = f"/v1/cases/{case_id}/cancellation"
    accept = {"decision": "accept", "reason": "nothing is under way"}
    assert (await cases.post(path, accept, **CUSTOMER)).status_code == 403
    assert (await cases.post(path, DECLINE, **CUSTOMER)).status_code == 403
    assert (await cases.post(path, WITHDRAW)).status_code == 403
    assert (await cases.post(path, WITHDRAW, **STRANGER)).status_code == 404
    assert refusal(await cases.post(path, {"decision": "accept"})) == (422, "say the reason")
    assert (await shown(cases, case_id))["state"] == "assessing_cancellation"

    case = await did(cases, case_id, "cancellation", WITHDRAW, **CUSTOMER)
    assert case["history"][-1]["reason"] == "the customer wants it after all"
    assert refusal(await cases.post(path, WITHDRAW, **CUSTOMER)) == (409, "not-possible-now")
    await did(cases, case_id, "cancel", {"reason": "now really"}, **CUSTOMER)
    assert (await did(cases, case_id, "cancellation", accept))["state"] == "cancelled"
    assert len(await cases.events(CaseCancelled)) == 1


async def test_a_case_that_nobody_has_goes_to_the_shift_on_duty_when_it_goes_on(cases: Harness) -> None:
    queue: dict[str, Any] = {"name": "Q", "families": [], "languages": [], "duty": {"time_zone": "UTC"}}
    windows = [{"weekdays": [0, 1, 2, 3, 4, 5, 6], "opens": "00:00", "closes": "24:00"}]
    case_id = await assessed(cases, await in_state(cases, "acknowledged"))
    queue |= {"code": "all", "shift": "all", "duty": {"time_zone": "UTC", "windows": windows}}
    assert (await cases.post("/v1/queues", queue, role="manager")).status_code == 201
    await cases.advance(timedelta(minutes=1))
    assert (await shown(cases, case_id))["queue"] == "support"

    assert (await did(cases, case_id, "cancellation", WITHDRAW, **CUSTOMER))["queue"] == "all"
