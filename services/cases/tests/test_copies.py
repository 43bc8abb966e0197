"""What a split has copied, or one request said of several units, is one text in several cases: what goes from one goes from all."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from libs.bus.tests.stage import until
from libs.events.cases_work import InternalTextRedacted, TextRedacted
from services.cases.model.actor import Actor
from services.cases.model.attachment import objects
from services.cases.model.case import Case
from services.cases.queries.copies import lock_all_with
from services.cases.tests.builders import (
    ACCOUNT,
    CUSTOMER,
    did,
    in_progress,
    opened,
    shown,
    ticket_opened,
    ticket_updated,
)
from services.cases.tests.test_merging import items
from services.cases.tests.test_redaction import fact, redacted
from services.cases.tests.test_several_units import opened_for
from services.cases.tests.test_splitting import BODY, copies, parted, said, sent, split
from services.cases.use_cases.split_case import SplitCase, split_case
from tests.support.forgetting import erased, person_erased
from tests.support.harness import Harness
from tests.support.taking_out import SAID, everything


@pytest.mark.parametrize("taken_from", ["the first", "the copy", "a copy of the copy"])
@pytest.mark.parametrize("visibility", ["public", "internal"])
async def test_what_a_note_said_is_taken_out_of_all_that_repeat_it(
    cases: Harness, taken_from: str, visibility: str
) -> None:
    first = await in_progress(cases)
    note = await said(cases, first, SAID, who={}, visibility=visibility)
    second = await parted(cases, first, note_ids=[note["id"]])
    third = await parted(cases, second, note_ids=[(await copies(cases, second))[0]["id"]])
    assert (await copies(cases, third))[0]["repeats"] == note["id"], "of the first of all"
    holders = {
        "the first": (first, note["id"]),
        "the copy": (second, (await copies(cases, second))[0]["id"]),
        "a copy of the copy": (third, (await copies(cases, third))[0]["id"]),
    }
    await redacted(cases, holders[taken_from][0], "note", holders[taken_from][1], replacement="(a password)")

    assert SAID not in await everything(cases)
    event: Any = TextRedacted if visibility == "public" else InternalTextRedacted
    told = {(each.case_id, str(each.id)) for each in await cases.events(event)}
    assert told == set(holders.values())
    for case_id, id in holders.values():
        [now] = [each for each in (await cases.get(f"/v1/cases/{case_id}/notes")).json()["items"] if each["id"] == id]
        assert (now["text"], now["redacted"]["reason"]) == ("(a password)", "a password")
    await redacted(cases, first, "note", note["id"], replacement="(a password)")
    assert len(await cases.events(event)) == 3, "twice is once"


@pytest.mark.parametrize("taken_from", ["the first", "the copy"])
async def test_the_bytes_of_a_file_go_with_the_last_that_had_them(cases: Harness, taken_from: str) -> None:
    first = await in_progress(cases)
    file = await sent(cases, first)
    second = await parted(cases, first, attachment_ids=[file["id"]])
    [copy] = await copies(cases, second, "attachments")
    assert copy["sha256"] == file["sha256"]
    case_id, id = (first, file["id"]) if taken_from == "the first" else (second, copy["id"])
    await redacted(cases, case_id, "file", id)
    await cases.fire_timers()

    for case_id, id in ((first, file["id"]), (second, copy["id"])):
        assert (await cases.get(f"/v1/cases/{case_id}/attachments/{id}")).status_code == 404
    with pytest.raises(FileNotFoundError):
        await objects.get(file["sha256"])
    assert file["sha256"] not in await everything(cases)


async def test_with_a_foreign_fact_goes_what_repeats_it_elsewhere(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, await cases.now()))
    heard = cases.delivery(ticket_updated(case_id, await cases.now(), text=SAID))
    await cases.deliver(heard)
    [note] = [each for each in await items(cases, case_id, "notes") if SAID in each["text"]]
    new_id = await parted(cases, case_id, note_ids=[note["id"]])
    [copy] = await copies(cases, new_id)
    assert copy["source_id"] is None
    which = {"event_id": str(heard.event_id), "type": heard.type, "time": heard.time.isoformat()}
    await redacted(cases, case_id, "fact", fact=which)
    assert SAID not in await everything(cases)


async def test_from_the_copy_the_foreign_fact_itself_is_taken_out(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await cases.deliver(ticket_opened(case_id, await cases.now()))
    heard = cases.delivery(ticket_updated(case_id, await cases.now(), text=SAID))
    await cases.deliver(heard)
    [note] = [each for each in await items(cases, case_id, "notes") if SAID in each["text"]]
    new_id = await parted(cases, case_id, note_ids=[note["id"]])
    [copy] = await copies(cases, new_id)
    await redacted(cases, new_id, "note", copy["id"])
    assert SAID not in await everything(cases)
    told = {(each.case_id, each.source_id) for each in await cases.events(TextRedacted)}
    assert told == {(case_id, heard.event_id), (new_id, None)}


async def test_why_it_was_split_goes_with_the_fact_that_told_it(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await parted(cases, case_id, reason=SAID)
    await redacted(cases, case_id, "fact", fact=await fact(cases), replacement="(taken out)")
    assert SAID not in await everything(cases)


async def test_a_copy_that_is_made_while_a_text_is_taken_out_does_not_keep_it(cases: Harness) -> None:
    for n in range(6):
        first = await in_progress(cases, serial=f"SN-{n}")
        note = await said(cases, first, f"{SAID} {n}")
        second = await parted(cases, first, note_ids=[note["id"]])
        [copy] = await copies(cases, second)
        answers = await asyncio.gather(
            split(cases, second, note_ids=[copy["id"]]),
            cases.post(
                f"/v1/cases/{first}/redact",
                {"what": "note", "text_id": note["id"], "reason": "a password"},
                role="manager",
            ),
            split(cases, first, note_ids=[note["id"]]),
            cases.post(
                f"/v1/cases/{second}/redact",
                {"what": "note", "text_id": copy["id"], "reason": "a password"},
                role="manager",
            ),
        )
        assert [each.status_code for each in answers[1::2]] == [200, 200], [each.text for each in answers]
        assert {each.status_code for each in answers[::2]} <= {201, 422}
        assert f"{SAID} {n}" not in await everything(cases)


async def test_what_is_taken_out_is_held_in_every_case_that_has_it_also_in_one_that_is_just_being_made(
    cases: Harness,
) -> None:
    first = await in_progress(cases)
    note = await said(cases, first, SAID)
    second = await parted(cases, first, note_ids=[note["id"]])
    [copy] = await copies(cases, second)

    async def not_held() -> set[UUID]:
        async with cases.transaction() as tx, cases.transaction() as other:
            await lock_all_with(first, tx, what="note", text_id=UUID(note["id"]), source_id=None)
            ids = [row["id"] for row in await other.fetch(sa.select(Case.c.id))]
            assert len(ids) == 3
            return {case.id for case in await other.lock_available(Case, ids)}

    async with cases.transaction() as tx:
        case = await Case.get(second, tx, lock=True)
        holding = asyncio.create_task(not_held())
        await until(lambda: waits_or_is_done(cases, holding, "transactionid"), "it waits for the second case")
        assert not holding.done()
        cmd = SplitCase.model_validate({**BODY, "note_ids": [copy["id"]]})
        await split_case(case, cmd, Actor("engineer:1", "engineer", None), tx)
    assert await holding == set()


async def waits_or_is_done(h: Harness, task: asyncio.Task[Any], kind: str) -> bool:
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = $1 AND NOT granted"
    return task.done() or bool(await h.database.pool.fetchval(waits, kind))


async def test_an_erasure_waits_for_a_split_that_copies_what_they_wrote(cases: Harness) -> None:
    """It would else pass over what the command has not stored yet."""
    mei, case_id = uuid4(), await in_progress(cases)
    note = await said(cases, case_id, "It hums", who={"role": "manager", "person_id": mei})
    async with cases.transaction() as tx:
        await tx.connection.execute("LOCK TABLE attachments IN ACCESS EXCLUSIVE MODE")  # the split stops there
        splitting = asyncio.create_task(parted(cases, case_id, note_ids=[note["id"]]))
        await until(lambda: waits_or_is_done(cases, splitting, "relation"), "the split is under way")
        erasing = asyncio.create_task(cases.deliver(person_erased(mei)))
        await until(lambda: waits_or_is_done(cases, erasing, "advisory"), "the erasure waits")
        assert not erasing.done()
    new_id, _ = await asyncio.gather(splitting, erasing)
    assert [each["author_name"] for each in await copies(cases, new_id)] == [None]


async def test_who_is_erased_has_no_name_in_a_copy_either(cases: Harness) -> None:
    an, mei = uuid4(), uuid4()
    case_id = await in_progress(cases)
    theirs = await said(cases, case_id, "It hums", who={**CUSTOMER, "person_id": an})
    ours = await said(cases, case_id, "It does", who={"role": "manager", "person_id": mei})
    assert None not in (theirs["author_name"], ours["author_name"])
    new_id = await parted(cases, case_id, note_ids=[theirs["id"], ours["id"]])
    assert (await shown(cases, new_id))["reporter_name"] is None
    await cases.deliver(erased(an, ACCOUNT), person_erased(mei))
    assert [each["author_name"] for each in await copies(cases, new_id)] == [None, None]


@pytest.mark.parametrize("taken_from", [0, 1, 2], ids=["the parent", "a unit", "one that has left the parent"])
async def test_what_a_request_of_several_units_said_is_taken_out_of_the_case_of_each(
    cases: Harness, taken_from: int
) -> None:
    parent, children = await opened_for(cases, 3, description=SAID)
    all_of_it, last = [parent, *children], children[1]
    etag = (await cases.get(f"/v1/cases/{last}")).headers["etag"]
    left = await cases.patch(f"/v1/cases/{last}", {"parent_id": None, "note": "another fault"}, etag=etag)
    assert left.status_code == 200
    for instead in ("(a password)", "(taken out)"):
        await redacted(cases, all_of_it[taken_from], "description", replacement=instead)
        assert [(await shown(cases, each))["description"] for each in all_of_it] == [instead] * 4
    assert SAID not in await everything(cases)
    await redacted(cases, all_of_it[taken_from], "description", replacement="(taken out)")
    told = [(each.case_id, each.what, each.id) for each in await cases.events(TextRedacted)]
    assert sorted(told) == sorted((each, "description", each) for each in all_of_it * 2), "twice is once"


async def test_a_unit_whose_words_were_corrected_gives_up_those_that_the_request_said(cases: Harness) -> None:
    parent, [corrected, other] = await opened_for(cases, 2, description=SAID)
    await did(cases, corrected, "correct", {"description": "No picture", "reason": "it says too much"})
    await redacted(cases, parent, "description")
    assert SAID not in await everything(cases)
    assert {each.case_id for each in await cases.events(TextRedacted)} == {parent, corrected, other}


async def test_the_same_words_of_another_request_and_other_words_below_the_case_stay(cases: Harness) -> None:
    parent, [own, other] = await opened_for(cases, 2, description="No picture")
    again, below = await opened(cases, serial="SN-7", description=SAID), await opened_for(cases, 1, description=SAID)
    await did(cases, own, "correct", {"description": SAID, "reason": "more is known"})
    later = await in_progress(cases, parent_id=str(parent), serial="SN-8", description="It hums")
    async with cases.transaction() as tx:
        await tx.connection.execute("UPDATE cases SET opened_at = now()")  # as of many facts that are heard at once
    await redacted(cases, below[0], "description")
    said_now = [(await shown(cases, each))["description"] for each in (parent, own, other, again, later, *below[1])]
    assert said_now == ["No picture", SAID, "No picture", SAID, "It hums", ""]
    await redacted(cases, parent, "description")
    said_now = [(await shown(cases, each))["description"] for each in (parent, other, again, later)]
    assert said_now == ["", "", SAID, "It hums"]


async def test_what_a_unit_says_anew_since_its_words_were_taken_out_stays(cases: Harness) -> None:
    parent, [own, other] = await opened_for(cases, 2, description=SAID)
    await redacted(cases, parent, "description")
    await did(cases, own, "correct", {"description": "No picture", "reason": "it says nothing"})
    await redacted(cases, parent, "description", replacement="(a password)")
    said_now = [(await shown(cases, each))["description"] for each in (parent, own, other)]
    assert said_now == ["(a password)", "No picture", "(a password)"]


async def test_all_cases_of_a_request_are_held_while_its_words_are_taken_out(cases: Harness) -> None:
    parent, children = await opened_for(cases, 2)
    async with cases.transaction() as tx, cases.transaction() as other:
        await lock_all_with(children[0], tx, what="description", text_id=None, source_id=None)
        assert await other.lock_available(Case, [parent, *children]) == []
