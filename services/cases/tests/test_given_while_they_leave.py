"""A case that is given to somebody while they leave or are erased ends with the successor or in a queue, in whatever order it is heard."""

import asyncio
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from libs.bus.tests.stage import until
from libs.events.gateway import PersonState
from libs.kit import people
from libs.kit.people import must_exist
from services.cases.model.case import Case
from services.cases.model.people import KnownPerson
from services.cases.tests.builders import opened
from tests.support.forgetting import person_erased
from tests.support.harness import Harness
from tests.support.people import LAN

WAITS = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.0)


async def who_has(cases: Harness, case_id: UUID) -> UUID | None:
    async with cases.transaction() as tx:
        return (await Case.get(case_id, tx)).assignee


@pytest.mark.parametrize("how", ["given", "taken"])
@pytest.mark.parametrize("end", [("left",), ("left", "fact"), ("fact", "null"), ("left", "null", "fact")], ids="-".join)
async def test_it_never_stays_with_who_is_gone(cases: Harness, how: str, end: tuple[str, ...]) -> None:
    wrong = list[str]()
    for order in permutations((how, *end)):
        if [each for each in order if each != how] != [*end]:
            continue
        huy, mai, case_id = uuid4(), uuid4(), await opened(cases)
        await cases.learn({huy: LAN, mai: LAN})
        left = LAN.model_copy(update={"active": False, "successor_id": mai})
        told = {
            "left": cases.record(huy, left, version=2),
            "null": cases.record(huy, PersonState, version=3),
            "fact": cases.delivery(person_erased(huy)),
        }
        statuses = []
        for each in order:
            if each in told:
                await cases.deliver(told[each])
            else:
                body = {"person_id": str(huy)} if how == "given" else {}
                by = mai if how == "given" else huy
                answer = await cases.post(f"/v1/cases/{case_id}/assign", body, role="engineer", person_id=by)
                statuses.append(answer.status_code)
        await cases.fire_timers()
        late = order.index(how) > 0
        expected = (None, 422) if late else (mai if end == ("left",) else None, 200)
        if (found := (await who_has(cases, case_id), *statuses)) != expected and found != (mai, 200):
            wrong.append(f"{order} {found}")
    assert wrong == []


async def test_who_leaves_waits_for_a_command_that_names_them(cases: Harness) -> None:
    """The successor would else not be given what the command has not stored yet."""
    huy, mai, case_id = uuid4(), uuid4(), await opened(cases)
    await cases.learn({huy: LAN, mai: LAN})
    async with cases.transaction() as tx:
        await must_exist(KnownPerson, [huy], tx, consumer="cases", roles=frozenset({"engineer"}))
        (await Case.get(case_id, tx, lock=True)).assignee = huy
        await tx.flush()
        left = LAN.model_copy(update={"active": False, "successor_id": mai})
        leaving = asyncio.create_task(cases.learn({huy: left}, version=2))

        async def waits_or_is_done() -> bool:
            return leaving.done() or bool(await cases.database.pool.fetchval(WAITS))

        await until(waits_or_is_done, "who leaves waits")
        assert not leaving.done()
    await leaving
    await cases.fire_timers()
    assert await who_has(cases, case_id) == mai
