"""Who works here, as cases keeps it: whom a case can be given to, by id, and the name that is shown."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.events import Event, decode
from libs.events.cases import CaseAssigned
from libs.events.gateway import PersonRole, PersonState
from libs.kit import people
from services.cases.model.people import KnownPerson
from services.cases.tests.builders import LAN_ID, did, opened, shown
from tests.contract.test_labels_in_rows import a_row
from tests.support.harness import Harness
from tests.support.people import LAN
from tests.support.refusals import refusal

HUY: PersonState = LAN.model_copy(
    update={"name": "Trần Quang Huy", "display_name": "Huy", "email": "huy.tran@support.example", "roles": ["manager"]}
)
TOPIC = PersonState.contract.topic


async def assign(cases: Harness, case_id: UUID, who: UUID | None = None, **how: Any) -> Any:
    return await cases.post(f"/v1/cases/{case_id}/assign", {"person_id": str(who)} if who else {}, **how)


async def test_of_our_own_people_only_what_is_needed_is_kept_and_nothing_of_who_is_forgotten(cases: Harness) -> None:
    here, gone = uuid4(), uuid4()
    await cases.learn({here: LAN, gone: LAN})
    await cases.learn({gone: type(LAN)}, version=2)
    async with cases.transaction() as tx:
        kept = [await KnownPerson.get(each, tx) for each in (here, gone)]
    assert [(each.display_name, each.roles, each.active) for each in kept] == [
        (LAN.display_name, LAN.roles, True),
        (None, None, None),
    ]
    assert [each.gone for each in kept] == [False, True]


async def test_a_case_is_given_to_a_person_and_shows_the_name_that_they_have_now(cases: Harness) -> None:
    huy, case_id = uuid4(), await opened(cases)
    await cases.learn({huy: HUY})
    taken = await assign(cases, case_id)
    assert taken.json()["assignee"] == {"id": str(LAN_ID), "name": "Lan", "state": None}
    given = await assign(cases, case_id, huy)
    assert given.json()["assignee"] == {"id": str(huy), "name": "Huy", "state": None}
    first, second = await cases.events(CaseAssigned)
    assert (first.assignee_id, first.previous_assignee_id) == (LAN_ID, None)
    assert (second.assignee_id, second.previous_assignee_id) == (huy, LAN_ID)
    said = [row["data"] for row in await cases.outbox() if "case-assigned" in row["type"]]
    assert [word for word in (LAN.name, HUY.name, "@support", '"Lan"', '"Huy"') if word in str(said)] == []

    for view in ("", "&view=summary"):
        [line] = (await cases.get(f"/v1/cases?assignee={huy}{view}")).json()["items"]
        assert (line["id"], line["assignee"]["name"]) == (str(case_id), "Huy")
    assert (await cases.get(f"/v1/cases?assignee={LAN_ID}")).json()["items"] == []
    await cases.learn({huy: PersonState}, version=2)
    assert (await shown(cases, case_id))["assignee"] == {"id": str(huy), "name": None, "state": "erased"}


async def test_whoever_acts_for_a_person_whom_we_do_not_know_yet_takes_a_case_all_the_same(cases: Harness) -> None:
    new = uuid4()
    taken = await assign(cases, await opened(cases), person_id=new)
    assert taken.json()["assignee"] == {"id": str(new), "name": None, "state": "pending"}


@pytest.mark.parametrize(
    ("roles", "active"), [(["technician"], True), (["ops"], True), (["engineer"], False), ([], True)]
)
async def test_who_is_not_here_any_more_or_is_no_engineer_gets_no_case(
    cases: Harness, roles: list[PersonRole], active: bool
) -> None:
    case_id, who = await opened(cases), uuid4()
    await cases.learn({who: LAN.model_copy(update={"roles": roles, "active": active})})
    answer = await assign(cases, case_id, who)
    assert (refusal(answer), answer.json()["id"]) == ((422, "no-such-person"), str(who))
    assert (await shown(cases, case_id))["assignee"] is None


async def test_a_system_has_to_say_who_takes_it(cases: Harness) -> None:
    case_id = await opened(cases)
    cases.bound = {}
    assert refusal(await assign(cases, case_id)) == (422, "person-required")
    assert (await assign(cases, case_id, LAN_ID)).json()["assignee"]["name"] == "Lan"


async def test_who_is_unknown_is_waited_for_while_nothing_is_held_and_then_refused(
    cases: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.2)
    case_id, who = await opened(cases), uuid4()
    behind = await assign(cases, case_id, who)
    assert (refusal(behind), behind.headers["retry-after"]) == ((503, "people-behind"), "5")
    await cases.has_caught_up(TOPIC)
    assert refusal(await assign(cases, case_id, who)) == (422, "no-such-person")

    monkeypatch.setattr(people, "WAIT_SECONDS", 20.0)
    waiting = asyncio.create_task(assign(cases, case_id, who, key="once"))
    await asyncio.sleep(0)
    await did(cases, case_id, "notes", {"text": "Somebody comes."})
    assert not waiting.done()
    await cases.learn({who: HUY})
    assert (await waiting).json()["assignee"]["name"] == "Huy"
    assert (await assign(cases, case_id, who, key="once")).headers["idempotent-replayed"] == "true"
    assert len(await cases.events(CaseAssigned)) == 1


async def test_who_leaves_passes_their_cases_on_but_those_that_are_over(cases: Harness) -> None:
    huy, first, over, other = uuid4(), *[await opened(cases, serial=f"SN-{n}") for n in range(3)]
    await cases.learn({huy: HUY})
    for case_id in (first, over):
        await assign(cases, case_id, huy)
    await assign(cases, other)
    await did(cases, over, "resolve", {"resolution": "restarted"})
    await did(cases, over, "close")
    before = await shown(cases, first)
    told = len(await cases.events())

    left = HUY.model_copy(update={"active": False, "successor_id": LAN_ID})
    await cases.learn({huy: left}, version=2)
    assert (await shown(cases, first))["assignee"]["id"] == str(huy)
    await cases.fire_timers()
    assert [(await shown(cases, each))["assignee"]["id"] for each in (first, over)] == [str(LAN_ID), str(huy)]
    passed: Event = (await cases.events())[-1]
    assert isinstance(passed, CaseAssigned)
    assert len(await cases.events()) == told + 1
    assert (passed.case_id, passed.assignee_id, passed.previous_assignee_id) == (first, LAN_ID, huy)
    assert passed.by_role == "system"
    after = await shown(cases, first)
    same = ("state", "queue", "history", "waits")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


async def test_a_case_goes_to_the_last_of_those_who_followed_each_other(cases: Harness) -> None:
    huy, mei, case_id = uuid4(), uuid4(), await opened(cases)
    await cases.learn({huy: HUY})
    await assign(cases, case_id, huy)
    gone = HUY.model_copy(update={"active": False})
    await cases.learn({mei: gone.model_copy(update={"successor_id": LAN_ID})})
    await cases.learn({huy: gone}, version=2)
    await cases.fire_timers()
    assert (await shown(cases, case_id))["assignee"]["id"] == str(huy)
    await cases.learn({huy: gone.model_copy(update={"successor_id": mei})}, version=3)
    await cases.fire_timers()
    assert (await shown(cases, case_id))["assignee"]["id"] == str(LAN_ID)


TOLD = ((f"engineer:{LAN_ID}", LAN_ID), ("binh.tran", None), ("Trần Thị Bình", None), (None, None))
"""What an assignee was, and the id in it."""


@pytest.mark.parametrize(("told", "id"), TOLD)
def test_of_an_older_assignment_the_id_is_told(told: str | None, id: UUID | None) -> None:
    fact = {"case_id": str(uuid4()), "assignee": told or "", "assignee_name": "Bình", "assignee_email": "b@x.example"}
    more = {"previous_assignee": told, "by": "engineer:1", "by_role": "engineer", "assigned_at": "2026-03-03T02:15:00Z"}
    event = decode("polyplus.cases.case-assigned.v1", json.dumps(fact | more).encode())
    assert isinstance(event, CaseAssigned)
    assert (event.assignee_id, event.previous_assignee_id) == (id, id)


async def test_of_who_had_a_case_before_the_id_is_kept_and_no_name(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "cases", prefix="named_assignee_")
    await migrate("cases", made.owner_url, "0013")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    rows: list[dict[str, Any]] = [
        {"external_identifiers": [], "assignee": told, "assignee_name": told and "Bình"} for told, _ in TOLD
    ]
    ids = [await a_row(owner, "cases", row) for row in rows]
    await migrate("cases", made.owner_url)
    after = {str(row["id"]): dict(row) for row in await owner.fetch("SELECT * FROM cases")}
    await owner.close()
    assert [after[each]["assignee"] for each in ids] == [id for _, id in TOLD]
    assert "Bình" not in str(after)
