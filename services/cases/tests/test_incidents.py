"""A mass incident: one case that cases of any account are part of, and what is told to all of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from libs.events.cases import CaseClosed, CaseCorrected, CaseOpened
from libs.events.cases_work import (
    CaseJoinedIncident,
    CaseLeftIncident,
    FirstResponseSent,
    InternalNoteAdded,
    NoteAdded,
    TextRedacted,
)
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.tests.builders import ACCOUNT, CUSTOMER, OTHER, STRANGER, a_request, did, opened, resolved, shown
from services.cases.tests.test_several_units import notes_of, opened_for
from tests.support.forgetting import person_erased
from tests.support.harness import Harness
from tests.support.refusals import refusal

OUTAGE = {"text": "The service in Ho Chi Minh City is down; we work on it.", "visibility": "public"}


async def theirs(h: Harness, **fields: Any) -> UUID:
    """A case of the other account."""
    answer = await h.post("/v1/cases", a_request(**fields), **STRANGER)
    return UUID(answer.json()["id"])


async def an_incident(h: Harness) -> tuple[UUID, UUID, UUID]:
    """Its case, and a case of each of two accounts that is part of it."""
    incident, mine, other = await opened(h), await opened(h, serial="SN-2"), await theirs(h)
    for each in (mine, other):
        await did(h, each, "incident", {"incident_id": str(incident)})
    return incident, mine, other


async def test_cases_of_several_accounts_are_part_of_one_incident(cases: Harness) -> None:
    incident, mine, other = await an_incident(cases)

    assert [(await shown(cases, each))["incident_id"] for each in (mine, other)] == [str(incident)] * 2
    assert (await shown(cases, incident))["incident_states"] == {"acknowledged": 2}
    listed = await cases.get(f"/v1/cases?incident_id={incident}")
    assert {each["id"] for each in listed.json()["items"]} == {str(mine), str(other)}
    told = await cases.events(CaseJoinedIncident)
    assert [(each.case_id, each.incident_id) for each in told] == [(mine, incident), (other, incident)]
    assert CaseJoinedIncident.contract.visibility == CaseLeftIncident.contract.visibility == "internal"


async def test_a_case_joins_its_incident_once(cases: Harness) -> None:
    incident, mine, _ = await an_incident(cases)
    await did(cases, mine, "incident", {"incident_id": str(incident)})

    assert len(await cases.events(CaseJoinedIncident)) == 2


async def test_nothing_that_a_customer_reads_names_the_incident_or_its_other_cases(cases: Harness) -> None:
    incident, mine, other = await an_incident(cases)
    await did(cases, incident, "children/notes", OUTAGE)
    await cases.fire_timers()

    for path in (f"/v1/cases/{other}", f"/v1/cases/{other}/notes", "/v1/cases", "/v1/cases?view=summary"):
        answer = await cases.get(path, **STRANGER)
        assert answer.status_code == 200
        assert not any(str(id) in answer.text for id in (incident, mine)), path
    for path in (f"/v1/cases/{incident}", f"/v1/cases/{mine}"):
        assert str(other) not in (await cases.get(path, **CUSTOMER)).text
    assert (await cases.get(f"/v1/cases?incident_id={incident}", **STRANGER)).json()["items"] == []
    for row in await cases.outbox():
        if row["account_id"] == OTHER and "incident" not in row["type"]:
            assert str(incident).encode() not in (row["data"] or b""), row["type"]
    assert await cases.events(CaseCorrected) == []
    assert {each.parent_id for each in await cases.events(CaseOpened)} == {None}


async def test_what_is_told_to_all_stands_in_each_case_as_its_own(cases: Harness) -> None:
    incident, mine, other = await an_incident(cases)
    note = await did(cases, incident, "children/notes", OUTAGE)
    await cases.fire_timers()

    assert note["cases"] == 2
    told = await cases.events(NoteAdded)
    assert [(each.case_id, each.text) for each in told] == [(id, OUTAGE["text"]) for id in (incident, mine, other)]
    assert len({each.note_id for each in told}) == 3
    assert [row["account_id"] for row in await cases.outbox() if "note-added" in row["type"]] == [
        ACCOUNT,
        ACCOUNT,
        OTHER,
    ]
    [copy] = (await cases.get(f"/v1/cases/{other}/notes")).json()["items"]
    assert (copy["copy_of"], copy["by"], copy["author_name"]) == (note["id"], note["by"], note["author_name"])
    [read] = (await cases.get(f"/v1/cases/{other}/notes", **STRANGER)).json()["items"]
    assert (read["text"], read["copy_of"]) == (OUTAGE["text"], None)
    assert [each.case_id for each in await cases.events(FirstResponseSent)] == [incident, mine, other]


async def test_a_word_to_all_is_internal_unless_it_is_said_otherwise(cases: Harness) -> None:
    incident, _, other = await an_incident(cases)
    await did(cases, incident, "children/notes", {"text": "The carrier is to blame."})
    await cases.fire_timers()

    assert len(await cases.events(InternalNoteAdded)) == 3
    assert await cases.events(NoteAdded, FirstResponseSent) == []
    assert (await notes_of(cases, other, **STRANGER), await notes_of(cases, other)) == (
        [],
        ["The carrier is to blame."],
    )


async def test_the_same_key_tells_all_once(cases: Harness) -> None:
    incident, *_ = await an_incident(cases)
    path = f"/v1/cases/{incident}/children/notes"
    first, again = [await cases.post(path, OUTAGE, key="k") for _ in range(2)]
    await cases.fire_timers()

    assert first.content == again.content
    assert len(await cases.events(NoteAdded)) == 3


async def test_two_hundred_and_fifty_cases_are_told_some_at_a_time_each_once(cases: Harness) -> None:
    incident = await opened(cases)
    for n in range(5):
        named = [{"product_number": "83Z52AA", "serial": f"R{n}-{k}"} for k in range(50)]
        body = a_request(units=named) | {"product_number": None, "serial": None}
        answer = await cases.post("/v1/cases", body, role="customer", accounts=[uuid4()])
        assert answer.status_code == 201, answer.text
    async with cases.transaction() as tx:
        head = await Case.get(incident, tx, lock=True)
        for case in await tx.select(Case, Case.c.serial.like("R%"), lock=True):
            case.incident_id, head.is_incident = incident, True
    told = await did(cases, incident, "children/notes", OUTAGE)

    fired, sizes = 1, list[int]()
    while fired:
        before = len(await cases.outbox())
        fired = await cases.service.timers.fire_due(cases.database)
        sizes.append(len(await cases.outbox()) - before)
    assert told["cases"] == 250
    assert sizes == [200, 200, 100, 0], "a note and a first response of each, a hundred cases in a transaction"
    assert len({each.case_id for each in await cases.events(NoteAdded)}) == 251
    async with cases.transaction() as tx:
        assert len(await tx.select(Note, Note.c.copy_of == UUID(told["id"]))) == 250


async def test_a_case_that_somebody_holds_is_told_once_they_let_go(cases: Harness) -> None:
    incident, mine, other = await an_incident(cases)
    async with cases.database.pool.acquire() as holder, holder.transaction():
        await hold(holder, other)
        await did(cases, incident, "children/notes", OUTAGE)
        assert await cases.service.timers.fire_due(cases.database) == 1
        assert {each.case_id for each in await cases.events(NoteAdded)} == {incident, mine}
    await cases.advance(timedelta(seconds=3))

    assert [each.case_id for each in await cases.events(NoteAdded)] == [incident, mine, other]


async def hold(connection: Any, case_id: UUID) -> None:
    assert isinstance(connection, asyncpg.pool.PoolConnectionProxy)
    await connection.execute("SELECT set_config('polyplus.scope', 'worker', true)")
    await connection.execute("SELECT FROM cases WHERE id = $1 FOR UPDATE", case_id)


async def test_a_case_that_is_over_or_has_left_is_told_nothing(cases: Harness) -> None:
    incident, mine, other = await an_incident(cases)
    await did(cases, mine, "incident/leave", {"reason": "another fault"})
    await did(cases, other, "cancel", {"reason": "solved"}, **STRANGER)
    await did(cases, other, "cancellation", {"decision": "accept", "reason": "nothing is under way"})

    assert refusal(await cases.post(f"/v1/cases/{incident}/children/notes", OUTAGE)) == (422, "nobody-below")
    assert [(e.case_id, e.incident_id, e.reason) for e in await cases.events(CaseLeftIncident)] == [
        (mine, incident, "another fault")
    ]
    assert refusal(await cases.post(f"/v1/cases/{mine}/incident/leave", {"reason": "again"})) == (409, "no-part")


async def test_children_of_one_account_are_told_too(cases: Harness) -> None:
    parent, children = await opened_for(cases, 2)
    await did(cases, parent, "children/notes", OUTAGE)
    await cases.fire_timers()

    told = await cases.events(FirstResponseSent)
    assert [each.case_id for each in told] == [parent, *children]
    assert len({each.note_id for each in told}) == 3, "each is answered by its own copy"


async def test_an_incident_closes_after_every_case_that_is_part_of_it(cases: Harness) -> None:
    incident = await resolved(cases)
    mine, other = await resolved(cases, serial="SN-2"), await theirs(cases)
    for each in (mine, other):
        await did(cases, each, "incident", {"incident_id": str(incident)})
    await did(cases, mine, "close")
    await cases.advance(timedelta(days=10))

    assert (await shown(cases, incident))["state"] == "resolved"
    refused = await cases.post(f"/v1/cases/{incident}/close")
    assert refusal(refused) == (409, "children-still-open")
    assert refused.json()["children"] == [(await shown(cases, other))["number"]]
    await did(cases, other, "assign")
    await did(cases, other, "resolve", {"resolution": "it is back"})
    await did(cases, other, "close", **STRANGER)
    await did(cases, incident, "close")
    assert [each.case_id for each in await cases.events(CaseClosed)] == [mine, other, incident]


async def test_a_customer_does_not_close_an_incident_over_cases_that_they_do_not_see(cases: Harness) -> None:
    incident, other = await resolved(cases), await theirs(cases)
    await did(cases, other, "incident", {"incident_id": str(incident)})

    for command in ("close", "works"):
        refused = await cases.post(f"/v1/cases/{incident}/{command}", **CUSTOMER)
        assert refusal(refused) == (409, "incident-goes-on")
        assert "children" not in refused.json()
    assert (await shown(cases, incident))["state"] == "resolved"


async def test_what_is_no_incident_is_refused(cases: Harness) -> None:
    incident, mine, other = await an_incident(cases)
    parent, [child, _] = await opened_for(cases, 2)
    closed = await resolved(cases, serial="SN-9")
    await did(cases, closed, "close")

    async def refused(case: UUID, into: UUID) -> tuple[int, str]:
        return refusal(await cases.post(f"/v1/cases/{case}/incident", {"incident_id": str(into)}))

    for case, into in ((mine, mine), (mine, other), (mine, child), (mine, closed), (mine, uuid4()), (incident, parent)):
        assert await refused(case, into) == (422, "no-such-incident")
    assert await refused(closed, incident) == (422, "case-closed-to-commands")
    assert refusal(await cases.post(f"/v1/cases/{mine}/incident", {"incident_id": str(incident)}, **CUSTOMER)) == (
        403,
        "forbidden",
    )
    etag = (await cases.get(f"/v1/cases/{incident}")).headers["etag"]
    answer = await cases.patch(f"/v1/cases/{incident}", {"parent_id": str(parent)}, etag=etag)
    assert refusal(answer) == (409, "parent-of-others")


async def test_the_survivor_of_a_merge_goes_on_in_the_incident(cases: Harness) -> None:
    incident, mine, _ = await an_incident(cases)
    survivor = await opened(cases, serial="SN-2")
    await did(cases, mine, "merge", {"into": str(survivor), "reason": "the same"})
    await did(cases, incident, "children/notes", OUTAGE)
    await cases.fire_timers()

    assert OUTAGE["text"] in await notes_of(cases, survivor)
    assert [each.case_id for each in await cases.events(CaseJoinedIncident)][-1] == survivor


async def test_what_was_told_to_all_is_taken_out_of_each(cases: Harness) -> None:
    incident, mine, other = await an_incident(cases)
    note = await did(cases, incident, "children/notes", {"text": "The password is hunter2", "visibility": "public"})
    await cases.fire_timers()
    out = {"what": "note", "text_id": note["id"], "reason": "a password", "replacement": "(taken out)"}
    await did(cases, incident, "redact", out, role="manager")
    await cases.fire_timers()

    for each in (incident, mine, other):
        [left] = (await cases.get(f"/v1/cases/{each}/notes")).json()["items"]
        assert (left["text"], left["redacted"]["reason"]) == ("(taken out)", "a password")
    assert [each.case_id for each in await cases.events(TextRedacted)] == [incident, mine, other]
    assert (await cases.get("/v1/cases?q=hunter2")).json()["items"] == []


async def test_what_is_taken_out_before_it_was_passed_on_is_told_to_nobody(cases: Harness) -> None:
    incident, *_ = await an_incident(cases)
    note = await did(cases, incident, "children/notes", OUTAGE)
    await did(cases, incident, "redact", {"what": "note", "text_id": note["id"], "reason": "wrong"}, role="manager")
    await cases.fire_timers()

    assert {each.case_id for each in await cases.events(NoteAdded)} == {incident}


async def test_a_copy_names_nobody_who_was_erased_meanwhile(cases: Harness) -> None:
    incident, _, other = await an_incident(cases)
    who = uuid4()
    await did(cases, incident, "children/notes", OUTAGE, person_id=who)
    await cases.deliver(person_erased(who))
    await cases.fire_timers()

    [copy] = (await cases.get(f"/v1/cases/{other}/notes")).json()["items"]
    assert (copy["text"], copy["author_name"]) == (OUTAGE["text"], None)
