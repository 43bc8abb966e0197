"""No name is written down beside the id of who is forgotten, whatever comes first: the command or the erasure."""

import asyncio
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.bus.tests.stage import until
from libs.events.entitlements import ContactState
from libs.kit import people
from libs.kit.forgetting import may_be_named
from libs.store.ids import new_id
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.model.people import KnownContact
from services.cases.tests.builders import ACCOUNT, a_request, coverage
from tests.support.forgetting import erased, person_erased
from tests.support.harness import Harness

NAME = "Phạm Thị Quên"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.0)


async def names(cases: Harness, who: UUID) -> list[str]:
    """What is still called by the name, in rows that hold the id."""
    async with cases.transaction() as tx:
        asked = [case.reporter_name for case in await tx.select(Case) if who in (case.contact_id, _id(case.opened_by))]
        written = [note.author_name for note in await tx.select(Note) if _id(note.by) == who]
    return [name for name in (*asked, *written) if name]


def _id(actor: str) -> UUID | None:
    id = actor.partition(":")[2]
    return UUID(id) if len(id) == 36 else None


@pytest.mark.parametrize("role", ["customer", "engineer"])
async def test_a_case_for_a_contact_who_is_erased_names_nobody_in_any_order(cases: Harness, role: str) -> None:
    state = ContactState(account_id=ACCOUNT, name=NAME, language="vi", authorised=True)
    wrong = list[str]()
    for order in permutations(("told", "null", "fact", "opened")):
        an = new_id()
        body = a_request(account_id=str(ACCOUNT), contact_id=str(an), reporter_name=NAME)
        told: dict[str, Any] = {
            "told": cases.record(an, state, version=1),
            "null": cases.record(an, ContactState, version=2),
            "fact": cases.delivery(erased(an, ACCOUNT)),
        }
        for each in order:
            if each in told:
                await cases.deliver(told[each])
                continue
            answer = await cases.post("/v1/cases", body, role=role, accounts=[ACCOUNT] if role == "customer" else [])
            assert answer.status_code in (201, 422), answer.text
            if answer.status_code == 201:
                await cases.deliver(coverage(UUID(answer.json()["id"]), revision=1))
        async with cases.transaction() as tx:
            left = [case for case in await tx.select(Case, Case.c.account_id == ACCOUNT) if case.reporter_name == NAME]
        if left:
            wrong.append(" ".join(order))
        await cases.empty()
    assert wrong == []


@pytest.mark.parametrize("first", ["erased", "written"])
@pytest.mark.parametrize("role", ["customer", "engineer"])
async def test_whoever_is_erased_while_they_write_is_not_named(cases: Harness, role: str, first: str) -> None:
    who = uuid4()
    theirs = {"role": role, "person_id": who, "accounts": [ACCOUNT] if role == "customer" else []}
    case = (await cases.post("/v1/cases", a_request(account_id=str(ACCOUNT)), role="manager")).json()["id"]

    async def write() -> None:
        opened = await cases.post("/v1/cases", a_request(account_id=str(ACCOUNT), reporter_name=NAME), **theirs)
        note = await cases.post(f"/v1/cases/{case}/notes", {"text": "Đã thử lại", "visibility": "public"}, **theirs)
        assert (opened.status_code, note.status_code) == (201, 201), (opened.text, note.text)
        said = await cases.post(
            f"/v1/cases/{case}/{'works' if role == 'customer' else 'hand-over'}", {"note": "Xong"}, **theirs
        )
        assert said.status_code == 200, said.text

    async def erase() -> None:
        await cases.deliver(erased(who, ACCOUNT) if role == "customer" else person_erased(who))

    for act in (erase, write) if first == "erased" else (write, erase):
        await act()
    assert await names(cases, who) == []


async def test_an_erasure_waits_for_a_case_that_is_being_opened(cases: Harness) -> None:
    """It would else pass over what the command has not stored yet."""
    an = new_id()
    await cases.learn({an: ContactState(account_id=ACCOUNT, name=NAME, language="vi", authorised=True)})
    waits = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    answer = await cases.post("/v1/cases", a_request(account_id=str(ACCOUNT)), role="manager")
    async with cases.transaction() as tx:
        case = await Case.get(UUID(answer.json()["id"]), tx, lock=True)
        case.contact_id, case.reporter_name = an, NAME if await may_be_named(tx, (KnownContact, an)) else None
        await tx.flush()
        erasing = asyncio.create_task(cases.deliver(erased(an, ACCOUNT)))

        async def waits_or_is_done() -> bool:
            return erasing.done() or bool(await cases.database.pool.fetchval(waits))

        await until(waits_or_is_done, "the erasure waits")
        assert not erasing.done()
    await erasing
    assert await names(cases, an) == []
