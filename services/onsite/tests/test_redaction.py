"""What was typed at the end of a visit is kept nowhere here, once the note of the case that told it again was taken out."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.cases_work import TextRedacted
from libs.events.onsite import VisitCompleted, WorkOrderOpened
from libs.store.ids import new_id
from services.onsite.tests.builders import (
    CASE,
    MONDAY,
    PATH,
    WEDNESDAY,
    a_cancellation,
    a_planned_visit,
    a_withdrawal,
    at_the_site,
    do,
    to_the_day,
    work_done,
)
from tests.support.harness import Harness
from tests.support.taking_out import SAID, everything, fact_saying, forget_outbox, taken_out


async def test_a_signers_words_go_with_the_note_that_told_them_again(onsite: Harness) -> None:
    await at_the_site(onsite)
    await work_done(onsite)
    await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    await do(onsite, "sign-off", {"side": "customer", "note": "The door opens with 4711-hunter2"})
    [told] = [row["event_id"] for row in await onsite.outbox() if row["type"] == VisitCompleted.contract.ce_type]
    assert "hunter2" in str(await onsite.state())
    await onsite.deliver(
        TextRedacted(
            case_id=CASE,
            what="note",
            id=new_id(),
            source_id=told,
            replacement="(a code)",
            reason="it opens a door",
            by="manager:1",
            by_role="manager",
            redacted_at=await onsite.now(),
        )
    )
    async with onsite.transaction() as tx:
        kept = await tx.connection.fetch("SELECT body FROM idempotency_keys")
    found = str(await onsite.state()) + str([row["data"] for row in await onsite.outbox()]) + str(kept)
    assert "hunter2" not in found
    signed = (await onsite.get(PATH)).json()["appointment"]["sign_offs"]
    assert signed["customer"]["note"] == "(a code)"


async def on_the_road(h: Harness) -> None:
    await a_planned_visit(h)
    await to_the_day(h)
    await do(h, "depart")


COMMANDS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "fail": (at_the_site, {"reason": "unsafe", "explanation": SAID}, "technician"),
    "reschedule": (
        a_planned_visit,
        {"starts": (WEDNESDAY + timedelta(days=1)).isoformat(), "reason": SAID},
        "engineer",
    ),
    "running-late": (
        a_planned_visit,
        {"expected_at": WEDNESDAY.isoformat(), "reason": SAID},
        "manager",
    ),
    "arrive": (on_the_road, {"reason": SAID}, "technician"),
    "cancel": (a_planned_visit, {"reason": SAID}, "engineer"),
    "cancel and plan again": (a_planned_visit, {"reason": SAID, "plans_again": True}, "engineer"),
    "approve-software": (a_planned_visit, {"needed_to_restore": True, "reason": SAID}, "engineer"),
}


@pytest.mark.parametrize("outbox", ["kept", "gone"])
@pytest.mark.parametrize("what", COMMANDS)
async def test_what_was_typed_with_a_command_goes_with_the_fact_that_told_it(
    onsite: Harness, what: str, outbox: str
) -> None:
    before, body, role = COMMANDS[what]
    await before(onsite)
    await do(onsite, what.partition(" ")[0], body, role=role)
    fact = await fact_saying(onsite)
    if outbox == "gone":
        await forget_outbox(onsite)
        # A fact that no longer waits is the only place of an explanation.
        assert (SAID in await everything(onsite)) == (what not in ("fail", "running-late"))
    await onsite.deliver(taken_out(CASE, fact))
    assert SAID not in await everything(onsite)


async def test_the_note_of_a_step_goes_by_the_instant_at_which_it_stands(onsite: Harness) -> None:
    await at_the_site(onsite)
    await do(onsite, "steps", {"work": "test", "name": "Picture", "passed": True, "note": SAID})
    await do(onsite, "steps", {"work": "test", "name": "Sound", "passed": True, "note": "clear"})
    opened = await fact_saying(onsite, type=WorkOrderOpened.contract.ce_type)
    [step, _] = (await onsite.get(PATH)).json()["appointment"]["steps"]
    await onsite.deliver(taken_out(CASE, {"event_id": opened["event_id"], "time": step["at"]}))
    assert SAID not in await everything(onsite)
    steps = (await onsite.get(PATH)).json()["appointment"]["steps"]
    assert [each["note"] for each in steps] == ["(taken out)", "clear"]


async def test_why_a_serial_is_not_read_goes_by_the_instant_at_which_it_stands(onsite: Harness) -> None:
    await at_the_site(onsite)
    done = await do(onsite, "install", {"serial_in": "CAM-NEW", "unreadable": SAID})
    opened = await fact_saying(onsite, type=WorkOrderOpened.contract.ce_type)
    [part] = done["appointment"]["installed"]
    await onsite.deliver(taken_out(CASE, {"event_id": opened["event_id"], "time": part["at"]}))
    assert SAID not in await everything(onsite)


async def test_why_somebody_else_signed_goes_with_the_fact_that_told_it(onsite: Harness) -> None:
    await at_the_site(onsite)
    await work_done(onsite)
    await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    await do(onsite, "sign-off", {"side": "customer", "signer_role": "receptionist", "reason": SAID})
    await onsite.deliver(taken_out(CASE, await fact_saying(onsite)))
    assert SAID not in await everything(onsite)


@pytest.mark.parametrize("event", [a_cancellation(), a_withdrawal()], ids=["cancelled", "withdrawn"])
async def test_why_a_case_or_a_diagnosis_ended_goes_from_the_case_file_and_what_repeats_it(
    onsite: Harness, event: Any
) -> None:
    await a_planned_visit(onsite)
    at = MONDAY + timedelta(hours=5)
    told = onsite.delivery(event.model_copy(update={"reason": SAID}), at=at)
    await onsite.deliver(told)
    assert f": {SAID}" in await everything(onsite)
    await onsite.deliver(taken_out(CASE, {"event_id": told.event_id, "time": at}))
    assert SAID not in await everything(onsite)
    assert (await onsite.rebuild("case_files")).differences == []
    assert SAID not in await everything(onsite)
