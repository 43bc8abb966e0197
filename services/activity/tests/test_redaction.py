"""What was taken out of a case is not in its journal, timeline and stream, whichever of the two was heard first."""

import json
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.bus import Delivery
from libs.events.cases import CasePending
from libs.events.cases_work import FaultDiagnosed, TextRedacted
from libs.events.ecps import FindingsShared, PartnerTicketUpdated
from libs.events.rma import PartLost, RmaCancelled
from services.activity.tests.builders import ACCOUNT, CASE_OPENED, INTERNAL_NOTE, NOTE_ADDED, an_event
from tests.support.harness import Harness

SECRET = "hunter2"
CANCELLED = RmaCancelled.contract.ce_type
UPDATE, FINDINGS = PartnerTicketUpdated.contract.ce_type, FindingsShared.contract.ce_type


def taken_out(case_id: UUID, what: str, id: UUID, **more: Any) -> Delivery:
    known: dict[str, Any] = {
        "what": what,
        "id": str(id),
        "reason": "a password",
        "by": "manager:1",
        "by_role": "manager",
    }
    return an_event(TextRedacted.contract.ce_type, case_id=case_id, **known, **more, redacted_at="2026-03-02T12:00:00Z")


def a_story(case_id: UUID) -> list[Delivery]:
    """Every text of a case that a redaction can name, each taken out; and others beside it, which stay."""
    note, other, diagnosis, wait = (uuid4() for _ in range(4))
    update = an_event(UPDATE, case_id=case_id, text=f"It is {SECRET}")
    cancelled = an_event(CANCELLED, case_id=case_id, reason=f"it was lost: {SECRET}")
    lost = an_event(PartLost.contract.ce_type, case_id=case_id, reason=SECRET)
    return [
        an_event(CASE_OPENED, case_id=case_id, description=SECRET, serial="SN-1"),
        an_event(NOTE_ADDED, case_id=case_id, note_id=str(note), text=SECRET),
        an_event(INTERNAL_NOTE, case_id=case_id, note_id=str(other), text="stays"),
        an_event(FaultDiagnosed.contract.ce_type, case_id=case_id, diagnosis_id=str(diagnosis), findings=SECRET),
        an_event(FINDINGS, case_id=case_id, diagnosis_id=str(diagnosis), summary=f"camera: {SECRET}"),
        an_event(CasePending.contract.ce_type, case_id=case_id, wait_id=str(wait), note=SECRET),
        update,
        lost,
        replace(cancelled, causation_id=lost.event_id),
        taken_out(case_id, "fact", lost.event_id),
        taken_out(case_id, "description", case_id),
        taken_out(case_id, "note", note, replacement="(a password)"),
        taken_out(case_id, "finding", diagnosis),
        taken_out(case_id, "wait", wait),
        taken_out(case_id, "note", uuid4(), source_id=str(update.event_id)),
    ]


async def kept(activity: Harness, case_id: UUID) -> dict[str, Any]:
    answer = await activity.get(f"/v1/cases/{case_id}/timeline?limit=100", role="admin")
    return {each["id"]: each["data"] for each in answer.json()["items"]}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False))
async def test_in_any_order_and_any_batches_the_journal_keeps_none_of_it(activity: Harness, random: Random) -> None:
    case_id = uuid4()
    story = a_story(case_id)
    told, left = {each.event_id: each for each in story}, random.sample(story, len(story))
    while left:
        size = random.randint(1, len(left))
        await activity.deliver(*left[:size], together=random.random() < 0.5)
        left = left[size:]
    found = await kept(activity, case_id)
    assert found.keys() == {str(id) for id in told}
    assert [data for data in found.values() if SECRET in json.dumps(data)] == []
    changed = [data for data in found.values() if data.get("redacted")]
    carrying = ("description", "text", "findings", "summary", "note", "reason")
    instead = sorted(data[name] for data in changed for name in carrying if name in data)
    assert instead == [*[""] * 7, "(a password)"]
    assert [data["text"] for data in found.values() if "text" in data and not data.get("redacted")] == ["stays"]
    opened = next(data for data in found.values() if "serial" in data)
    assert opened == {"case_id": str(case_id), "description": "", "serial": "SN-1", "redacted": True}


@pytest.mark.parametrize("what", ["note", "description"])
async def test_another_case_and_another_note_stay_as_they_are(activity: Harness, what: str) -> None:
    case_id, note, other = uuid4(), uuid4(), uuid4()
    await activity.deliver(
        an_event(NOTE_ADDED, case_id=case_id, note_id=str(note), text="stays"),
        an_event(CASE_OPENED, case_id=other, description="stays"),
        taken_out(case_id, what, uuid4()),
    )
    said = [*(await kept(activity, case_id)).values(), *(await kept(activity, other)).values()]
    assert [each.get("redacted") for each in said] == [None] * 3


async def test_a_customer_who_reads_the_journal_again_reads_what_stands_instead(activity: Harness) -> None:
    case_id, note = uuid4(), uuid4()
    await activity.deliver(an_event(NOTE_ADDED, case_id=case_id, note_id=str(note), text=SECRET))
    before = (await activity.get("/v1/events", role="customer", accounts=[ACCOUNT])).json()
    await activity.deliver(taken_out(case_id, "note", note, replacement="(a password)"))
    after = (await activity.get("/v1/events", role="customer", accounts=[ACCOUNT])).json()["items"]
    first, second = before["items"][0], after[0]
    assert first["data"]["text"] == SECRET
    assert second == first | {"data": first["data"] | {"text": "(a password)", "redacted": True}}
    assert after[1]["data"]["what"] == "note"
