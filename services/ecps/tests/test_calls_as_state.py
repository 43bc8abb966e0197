"""Who joins a call, and by which link, is told as state, and is null some weeks after it is over (S10)."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.events.ecps_calls import JointCallScheduled, JointCallState, Participant
from libs.store import Database
from services.ecps.app import service
from services.ecps.tests.builders import ACCOUNT, AN, CONTACT, ACase, a_case_with_wish, a_partner
from services.ecps.tests.test_joint_calls import CUSTOMER, a_call, schedule
from tests.contract.test_labels_in_rows import a_row
from tests.support.harness import Harness
from tests.support.rebuilding import dump

LINK = "https://meet.example/1"


async def a_scheduled_call(ecps: Harness, hours: int = 2, **fields: Any) -> str:
    await ecps.learn({CONTACT: AN})
    await a_partner(ecps)
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    answer = await schedule(ecps, path, hours, join_url=LINK, **fields)
    assert answer.status_code == 200, answer.text
    return path


async def told(ecps: Harness) -> JointCallState | None:
    """How the only call is told now."""
    [state] = (await ecps.states(JointCallState)).values()
    return state


async def held(ecps: Harness, path: str) -> None:
    answer = await ecps.post(f"{path}/held", {"outcome": "Found it", "actions": [{"what": "Look", "owner": "Chị An"}]})
    assert answer.status_code == 200, answer.text


async def test_who_joins_is_told_with_the_link_and_of_a_contact_the_id_alone(ecps: Harness) -> None:
    ba = {"side": "customer", "name": "Cô Ba", "email": "ba@lobby.example"}
    await ecps.learn({CONTACT: AN})
    await a_partner(ecps)
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    assert await told(ecps) == JointCallState(account_id=ACCOUNT, participants=[])

    await schedule(ecps, path, 2, join_url=LINK)
    contact = Participant(side="customer", contact_id=CONTACT)
    lead = Participant(side="partner", name="Duty lead", email="lead@cloud.example")
    support = Participant(side="support", name="the engineer")
    assert await told(ecps) == JointCallState(account_id=ACCOUNT, participants=[contact, lead, support], join_url=LINK)
    await schedule(ecps, path, 3, participants=[ba, {"side": "customer", "contact_id": str(CONTACT)}])
    assert await told(ecps) == JointCallState(
        account_id=ACCOUNT, participants=[Participant.model_validate(ba), contact], join_url=LINK
    )
    async with ecps.database.pool.acquire() as connection:
        [row] = await connection.fetch("SELECT topic, key, account_id, version FROM states")
    assert (row["topic"], str(row["key"]), row["account_id"]) == ("ecps.people", path.rpartition("/")[2], ACCOUNT)
    assert [each.revision for each in await ecps.events(JointCallScheduled)] == [2, row["version"]]
    assert {each["data"] for each in await ecps.outbox() if each["topic"] == "ecps.people"} == {None}


async def test_thirty_days_after_it_is_over_nobody_knows_who_joined(ecps: Harness) -> None:
    path = await a_scheduled_call(ecps)
    await ecps.advance(timedelta(hours=2, minutes=30))
    await held(ecps, path)
    await ecps.advance(timedelta(days=30) - timedelta(minutes=1))
    assert (await told(ecps) or JointCallState(account_id=ACCOUNT, participants=[])).join_url == LINK

    await ecps.advance(timedelta(minutes=2))
    assert await told(ecps) is None
    found = (await ecps.get(path, **CUSTOMER)).json()
    assert (found["participants"], found["join_url"], found["outcome"]) == ([], None, "Found it")
    assert found["actions"][0]["owner"] == "Chị An"
    everything = await dump(ecps)
    del everything["partners"], everything["idempotency_keys"]
    rows = json.dumps(everything, ensure_ascii=False)
    assert [each for each in ("Duty lead", "lead@cloud.example", LINK, "the engineer") if each in rows] == []


async def test_a_call_that_nobody_recorded_or_that_was_cancelled_is_forgotten_too(ecps: Harness) -> None:
    path = await a_scheduled_call(ecps)
    await ecps.advance(timedelta(days=30, hours=2, minutes=59))
    assert await told(ecps)
    await ecps.advance(timedelta(minutes=2))
    assert (await told(ecps), (await ecps.get(path)).json()["state"]) == (None, "scheduled")

    case = await a_case_with_wish(ecps)
    other = await a_call(ecps, case)
    await schedule(ecps, other, 24 * 90, join_url=LINK)
    await ecps.deliver(case.cancelled(0))
    id = UUID(other.rpartition("/")[2])
    assert (await ecps.states(JointCallState))[id]
    await ecps.advance(timedelta(days=30))
    assert (await ecps.states(JointCallState))[id] is None


async def test_a_call_that_moves_is_forgotten_after_its_new_time_and_by_the_policy_of_the_day(ecps: Harness) -> None:
    path = await a_scheduled_call(ecps)
    await schedule(ecps, path, 24 * 20, join_url=LINK)
    await ecps.advance(timedelta(days=35))
    assert await told(ecps)
    answer = await ecps.post(
        "/v1/ecps-policies", {"settings": {"call_people_days": 40}, "why": "asked for"}, role="manager"
    )
    assert answer.status_code == 201, answer.text
    await ecps.advance(timedelta(days=16))
    assert await told(ecps)
    await ecps.advance(timedelta(days=10))
    assert await told(ecps) is None


async def test_calls_of_before_are_told_and_forgotten_when_their_time_has_passed(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "ecps", prefix="told_")
    await migrate("ecps", made.owner_url, "0012")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    now: datetime = await owner.fetchval("SELECT app_now()")
    an = {"side": "customer", "contact_id": str(CONTACT)}
    kept = {"account_id": str(ACCOUNT), "case_id": str(uuid4()), "proposed": [], "actions": [], "history": []}

    async def before(state: str, days: int | None, participants: list[Any]) -> UUID:
        ends = days is not None and now + timedelta(days=days)
        window = ends and {"starts": (ends - timedelta(hours=1)).isoformat(), "ends": ends.isoformat()}
        row = {"state": state, "window": window or None, "participants": participants, "revision": 3}
        unique = {"number": str(uuid4()), "time_zone": "UTC", "sequence": 0, "purpose": "Look", "partner_name": "Cloud"}
        return UUID(await a_row(owner, "joint_calls", kept | row | unique | {"join_url": LINK if ends else None}))

    asked, never = await before("requested", None, []), await before("cancelled", None, [])
    coming, old = await before("scheduled", 2, [an]), await before("scheduled", -31, [an])
    await migrate("ecps", made.owner_url)
    await owner.close()

    database = await Database.connect(made.runtime_url, size=4)
    h = Harness(service, database, made.owner_url)
    full = JointCallState(
        account_id=ACCOUNT, participants=[Participant(side="customer", contact_id=CONTACT)], join_url=LINK
    )
    nobody = JointCallState(account_id=ACCOUNT, participants=[])
    assert await h.states(JointCallState) == {asked: nobody, never: None, coming: full, old: full}
    async with database.pool.acquire() as connection:
        assert await connection.fetchval("SELECT array_agg(DISTINCT version) FROM states") == [4]
    sent = [row["key"] for row in await h.outbox() if row["topic"] == "ecps.people"]
    assert sorted(sent) == sorted([asked, never, coming, old])
    await h.fire_timers()
    assert await h.states(JointCallState) == {asked: nobody, never: None, coming: full, old: None}
    await h.advance(timedelta(days=32, hours=1))
    assert (await h.states(JointCallState))[coming] is None
    await database.close()
