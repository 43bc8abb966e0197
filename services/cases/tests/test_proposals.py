"""What escalation proposes is done as the case is by then: nobody loses what they took, and nothing is given to who is not here."""

import asyncio
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.bus.tests.stage import until
from libs.events.cases import CaseAssigned, CaseRouted
from libs.events.cases_work import InternalNoteAdded
from libs.events.escalation import AssigneeProposed
from libs.events.gateway import PersonState
from services.cases.model.case import Case
from services.cases.tests.builders import LAN_ID, a_fault, did, opened, part_shipped, shown
from services.cases.tests.test_given_while_they_leave import WAITS
from tests.support.forgetting import person_erased
from tests.support.harness import Harness
from tests.support.people import LAN

MAI = UUID("44444444-4444-4444-8444-444444444444")


async def row(cases: Harness, case_id: UUID) -> Case:
    async with cases.transaction() as tx:
        return await Case.get(case_id, tx)


async def chosen(cases: Harness, case_id: UUID, who: UUID = MAI, **more: Any) -> AssigneeProposed:
    """Escalation chose somebody, as the case stands now."""
    said: dict[str, Any] = {"queue": (await row(cases, case_id)).queue, "why": "skill_and_load", **more}
    return AssigneeProposed(proposal_id=uuid4(), case_id=case_id, person_id=who, proposed_at=await cases.now(), **said)


async def left_lying(cases: Harness, case_id: UUID, **more: Any) -> AssigneeProposed:
    """Escalation found that who has it now has not acted."""
    case = await row(cases, case_id)
    said: dict[str, Any] = {
        "previous_person_id": case.assignee,
        "assigned_at": case.assigned_at,
        "idle_since": case.assigned_at,
        **more,
    }
    return AssigneeProposed(
        proposal_id=uuid4(), case_id=case_id, why="not_acted", proposed_at=await cases.now(), **said
    )


async def has_it(cases: Harness, case_id: UUID) -> UUID | None:
    return (await row(cases, case_id)).assignee


@pytest.mark.promise("S1")
async def test_who_is_proposed_gets_the_case_and_a_note_says_that_nobody_chose_by_hand(cases: Harness) -> None:
    await cases.learn({MAI: LAN})
    case_id = await opened(cases)
    await cases.deliver(await chosen(cases, case_id))
    case = await shown(cases, case_id)
    assert (case["assignee"]["id"], case["state"]) == (str(MAI), "in_progress")
    [told] = await cases.events(CaseAssigned)
    assert (told.assignee_id, told.by, told.reason) == (MAI, "system:cases", "by skill, queue and load")
    [note] = await cases.events(InternalNoteAdded)
    assert (note.origin, note.text.startswith("Yêu cầu được tự động giao")) == ("system", True)


async def test_who_was_quicker_keeps_the_case(cases: Harness) -> None:
    await cases.learn({MAI: LAN})
    case_id = await opened(cases)
    proposal = await chosen(cases, case_id)
    await did(cases, case_id, "assign")
    await cases.deliver(proposal)
    assert await has_it(cases, case_id) == LAN_ID
    assert await cases.events(InternalNoteAdded) == []


async def test_of_two_proposals_the_first_counts_and_a_duplicate_changes_nothing(cases: Harness) -> None:
    huy = uuid4()
    await cases.learn({MAI: LAN, huy: LAN})
    case_id = await opened(cases)
    first, second = await chosen(cases, case_id), await chosen(cases, case_id, huy)
    await cases.deliver(first, second, first, together=True)
    assert await has_it(cases, case_id) == MAI
    assert len(await cases.events(CaseAssigned)) == 1


@pytest.mark.parametrize("what", ["cancel", "another queue", "resolved"])
async def test_a_case_that_moved_on_meanwhile_is_given_to_nobody(cases: Harness, what: str) -> None:
    await cases.learn({MAI: LAN})
    case_id = await opened(cases)
    proposal = await chosen(cases, case_id)
    if what == "cancel":
        await did(cases, case_id, "cancel", {"reason": "not needed"})
    elif what == "resolved":
        await did(cases, case_id, "assign")
        await did(cases, case_id, "resolve", {"resolution": "done"})
        await did(cases, case_id, "close")
    else:
        proposal = await chosen(cases, case_id, queue="elsewhere")
    before = len(await cases.events(CaseAssigned))
    await cases.deliver(proposal)
    assert len(await cases.events(CaseAssigned)) == before


@pytest.mark.parametrize("who", ["unknown", "left", "erased", "technician"])
async def test_nobody_who_is_not_here_is_given_a_case(cases: Harness, who: str) -> None:
    states: dict[str, PersonState] = {
        "left": LAN.model_copy(update={"active": False, "successor_id": LAN_ID}),
        "technician": LAN.model_copy(update={"roles": ["technician"]}),
        "erased": LAN,
    }
    if who in states:
        await cases.learn({MAI: states[who]})
    if who == "erased":
        await cases.deliver(person_erased(MAI))
    case_id = await opened(cases)
    await cases.deliver(await chosen(cases, case_id))
    await cases.fire_timers()
    assert await has_it(cases, case_id) is None


async def test_who_leaves_while_a_proposal_is_on_its_way_ends_with_nothing(cases: Harness) -> None:
    """In whatever order the proposal and the leaving are heard, the case ends with the successor or in the queue."""
    wrong = list[str]()
    for order in permutations(("proposed", "left", "erased")):
        if order.index("erased") < order.index("left"):
            continue
        who, successor = uuid4(), uuid4()
        await cases.learn({who: LAN, successor: LAN})
        case_id = await opened(cases, serial=str(who)[:12])
        told: dict[str, Any] = {
            "proposed": cases.delivery(await chosen(cases, case_id, who)),
            "left": cases.record(who, LAN.model_copy(update={"active": False, "successor_id": successor}), version=2),
            "erased": cases.delivery(person_erased(who)),
        }
        for each in order:
            await cases.deliver(told[each])
            await cases.fire_timers()
        expected = successor if order == ("proposed", "left", "erased") else None
        if (found := await has_it(cases, case_id)) != expected:
            wrong.append(f"{order} {found}")
    assert wrong == []


async def test_who_leaves_waits_for_the_proposal_that_names_them(cases: Harness) -> None:
    await cases.learn({MAI: LAN, LAN_ID: LAN})
    case_id = await opened(cases)
    proposal = cases.delivery(await chosen(cases, case_id))
    async with cases.transaction() as tx:
        await cases.service.handlers.apply([proposal], tx)
        await tx.flush()
        left = LAN.model_copy(update={"active": False, "successor_id": LAN_ID})
        leaving = asyncio.create_task(cases.learn({MAI: left}, version=2))

        async def waits_or_is_done() -> bool:
            return leaving.done() or bool(await cases.database.pool.fetchval(WAITS))

        await until(waits_or_is_done, "who leaves waits")
        assert not leaving.done()
    await leaving
    await cases.fire_timers()
    assert await has_it(cases, case_id) == LAN_ID


@pytest.mark.promise("S1")
async def test_a_case_that_is_left_lying_goes_back_into_its_queue(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "assign")
    queue = (await row(cases, case_id)).queue
    await cases.advance(timedelta(minutes=30))
    await cases.deliver(await left_lying(cases, case_id))
    case = await row(cases, case_id)
    assert (case.assignee, case.queue, case.state) == (None, queue, "in_progress")
    told = (await cases.events(CaseRouted))[-1]
    assert (told.queue, told.previous_assignee_id, told.by) == (queue, LAN_ID, "system:cases")
    [note] = await cases.events(InternalNoteAdded)
    assert (note.origin, note.text.startswith("Người phụ trách chưa xử lý")) == ("system", True)
    await did(cases, case_id, "assign")
    assert await has_it(cases, case_id) == LAN_ID


ACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a note": ("notes", {"text": "I look into it"}),
    "a diagnosis": ("diagnoses", a_fault()),
    "a question": ("waits", {"wait": "customer", "note": "Which cable is it?"}),
    "a workaround": (
        "workaround",
        {"text": "Restart it", "appropriate_because": "It helps until the fix is there."},
    ),
    "the end": ("resolve", {"resolution": "It works"}),
}


@pytest.mark.parametrize("act", ACTS)
async def test_who_acts_while_it_is_being_taken_back_keeps_it(cases: Harness, act: str) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "assign")
    proposal = await left_lying(cases, case_id)
    await did(cases, case_id, *ACTS[act], person_id=LAN_ID)
    await cases.deliver(proposal)
    assert await has_it(cases, case_id) == LAN_ID


async def test_what_a_colleague_does_is_not_the_assignees_act(cases: Harness) -> None:
    await cases.learn({MAI: LAN})
    case_id = await opened(cases)
    await did(cases, case_id, "assign", person_id=LAN_ID)
    proposal = await left_lying(cases, case_id)
    await did(cases, case_id, "notes", {"text": "They called again, where are you?"}, person_id=MAI)
    await cases.deliver(proposal)
    assert await has_it(cases, case_id) is None


async def test_what_waits_for_somebody_else_is_never_taken_back(cases: Harness) -> None:
    case_id = await opened(cases)
    await did(cases, case_id, "assign")
    proposal = await left_lying(cases, case_id)
    await cases.deliver(part_shipped(case_id, await cases.now()))
    await cases.deliver(proposal)
    assert await has_it(cases, case_id) == LAN_ID


async def test_what_was_given_to_somebody_meanwhile_or_again_is_not_taken_back(cases: Harness) -> None:
    await cases.learn({MAI: LAN})
    case_id = await opened(cases)
    await did(cases, case_id, "assign")
    of_before = await left_lying(cases, case_id)
    await did(cases, case_id, "assign", {"person_id": str(MAI)})
    await cases.deliver(of_before)
    assert await has_it(cases, case_id) == MAI
    await did(cases, case_id, "assign")
    await cases.deliver(of_before)
    assert await has_it(cases, case_id) == LAN_ID
