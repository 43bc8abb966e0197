"""A call keeps who joins by id: names are put in when it is shown, and nobody is named who is forgotten (S10)."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import icalendar
import pytest
from hypothesis import strategies as st

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.bus.envelope import Delivery
from libs.events.entitlements import ContactState
from libs.events.gateway import PersonState
from services.ecps.tests.builders import ACCOUNT, AN, CHAU, CONTACT, OTHER_ACCOUNT, PARTNER, ACase, a_partner
from services.ecps.tests.test_joint_calls import CUSTOMER, a_call, schedule
from tests.contract.test_labels_in_rows import a_row
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order
from tests.support.rebuilding import dump

THE_PARTNER: dict[str, Any] = {"role": "partner", "partner_id": PARTNER}
BINH = ContactState(account_id=ACCOUNT, name="Anh Bình", email="Binh@acme.example", language="vi", authorised=False)
PERSON = PersonState(
    name="Lê Minh Châu",
    display_name="Châu",
    email="chau.le@support.example",
    language="vi",
    time_zone="Asia/Ho_Chi_Minh",
    roles=["engineer"],
    active=True,
)
STRANGER = ContactState(account_id=OTHER_ACCOUNT, name="Ai", language="vi", authorised=True)


async def a_covered_case(ecps: Harness) -> ACase:
    await a_partner(ecps)
    return await another_case(ecps)


async def another_case(ecps: Harness) -> ACase:
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    return case


async def joining(ecps: Harness, path: str, side: str = "customer", **who: Any) -> list[tuple[Any, ...]]:
    """Id, name, e-mail and why there is none, of those who join for this side."""
    found = (await ecps.get(path, **(who or CUSTOMER))).json()["participants"]
    return [(p["contact_id"], p["name"], p["email"], p["state"]) for p in found if p["side"] == side]


async def attendees(ecps: Harness, path: str, **who: Any) -> list[tuple[str, str]]:
    file = (await ecps.get(f"{path}/calendar.ics", **(who or CUSTOMER))).text
    [event] = icalendar.Calendar.from_ical(file).events
    return sorted((str(each), each.params["CN"]) for each in event.attendees)


async def written(ecps: Harness, *but: str) -> str:
    """All that is stored anywhere, these tables left out."""
    return json.dumps(
        {table: rows for table, rows in (await dump(ecps)).items() if table not in but}, ensure_ascii=False
    )


@pytest.mark.promise("S10")
async def test_a_call_shows_its_contact_as_they_are_called_now_and_nobody_once_forgotten(ecps: Harness) -> None:
    path = await a_call(ecps, await a_covered_case(ecps))
    assert (await schedule(ecps, path, 2)).json()["participants"][0]["state"] == "pending"
    lead = ("mailto:lead@cloud.example", "Duty lead")
    assert (await joining(ecps, path), await attendees(ecps, path)) == ([(str(CONTACT), None, None, "pending")], [lead])

    await ecps.learn({CONTACT: AN})
    assert await joining(ecps, path) == [(str(CONTACT), "Chị An", "an@acme.example", None)]
    assert await attendees(ecps, path) == [("mailto:an@acme.example", "Chị An"), lead]
    held = await ecps.post(f"{path}/held", {"outcome": "Found it", "actions": [{"what": "Look", "owner": "Chị An"}]})
    assert held.json()["actions"][0]["owner"] == "Chị An"
    [listed] = (await ecps.get("/v1/joint-calls", **CUSTOMER)).json()["items"]
    assert (listed["participants"][0]["name"], listed["actions"][0]["owner"]) == ("Chị An", "Chị An")

    await ecps.learn({CONTACT: AN.model_copy(update={"name": "Chị Ân"})}, version=2)
    assert await joining(ecps, path) == [(str(CONTACT), "Chị Ân", "an@acme.example", None)]
    await ecps.learn({CONTACT: ContactState}, version=3)
    for who in (CUSTOMER, {"role": "engineer"}):
        assert await joining(ecps, path, **who) == [(str(CONTACT), None, None, "erased")]
        [action] = (await ecps.get(path, **who)).json()["actions"]
        assert (action["owner"], action["owner_id"], action["state"]) == (None, str(CONTACT), "erased")
    assert await attendees(ecps, path) == [lead]


async def test_no_row_but_the_replicas_names_a_contact(ecps: Harness) -> None:
    await ecps.learn({CONTACT: AN})
    path = await a_call(ecps, await a_covered_case(ecps))
    await schedule(ecps, path, 2)
    await ecps.post(f"{path}/held", {"outcome": "Found it", "actions": [{"what": "Look", "owner": "chị an"}]})
    # What was answered under a key is kept for a week.
    rows = (await written(ecps, "contacts", "idempotency_keys")).casefold()
    assert str(CONTACT) in rows
    assert [each for each in ("chị an", "acme.example") if each in rows] == []
    assert "chị an" in (await written(ecps)).casefold()


async def test_whoever_is_named_is_kept_by_id_where_there_is_one_and_else_as_typed(ecps: Harness) -> None:
    binh, stranger = uuid4(), uuid4()
    await ecps.learn({CONTACT: AN, binh: BINH, stranger: STRANGER})
    path = await a_call(ecps, await a_covered_case(ecps))
    participants = [
        {"side": "customer", "contact_id": str(CONTACT), "name": "An"},
        {"side": "customer", "name": "Bình", "email": "binh@acme.example"},
        {"side": "customer", "name": "Cô Ba", "email": "ba@lobby.example"},
    ]
    answer = await schedule(ecps, path, 2, participants=participants)
    assert answer.status_code == 200, answer.text
    assert await joining(ecps, path) == [
        (str(CONTACT), "Chị An", "an@acme.example", None),
        (str(binh), "Anh Bình", "Binh@acme.example", None),
        (None, "Cô Ba", "ba@lobby.example", None),
    ]
    async with ecps.transaction() as tx:
        kept = json.loads(await tx.connection.fetchval("SELECT participants FROM joint_calls"))
    nobody = {"person_id": None, "name": None, "email": None}
    assert kept[:2] == [{"side": "customer", "contact_id": str(id), **nobody} for id in (CONTACT, binh)]

    for wrong in (stranger, uuid4()):
        refused = await schedule(ecps, path, 2, participants=[{"side": "customer", "contact_id": str(wrong)}])
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:polyplus:problem:no-such-participant")
        assert refused.json()["id"] == str(wrong)
    assert (await schedule(ecps, path, 2, participants=[{"side": "customer"}])).status_code == 422


async def test_a_partner_reads_which_side_joins_and_no_name_but_of_its_own(ecps: Harness) -> None:
    await ecps.learn({CONTACT: AN})
    path = await a_call(ecps, await a_covered_case(ecps))
    await schedule(ecps, path, 2)
    await ecps.post(f"{path}/held", {"outcome": "Found it", "actions": [{"what": "Look", "owner": "Chị An"}]})
    assert await joining(ecps, path, **THE_PARTNER) == [(str(CONTACT), "customer", None, None)]
    assert await joining(ecps, path, "support", **THE_PARTNER) == [(None, "Poly+ support", None, None)]
    assert await joining(ecps, path, "partner", **THE_PARTNER) == [(None, "Duty lead", "lead@cloud.example", None)]
    assert (await ecps.get(path, **THE_PARTNER)).json()["actions"][0]["owner"] == "customer"
    assert await attendees(ecps, path, **THE_PARTNER) == [("mailto:lead@cloud.example", "Duty lead")]


async def test_our_people_join_by_id_under_the_names_that_customers_see(ecps: Harness) -> None:
    gone, away = uuid4(), uuid4()
    left = PERSON.model_copy(update={"active": False})
    await ecps.learn({CONTACT: AN, away: left, gone: PersonState})
    path = await a_call(ecps, await a_covered_case(ecps))
    await schedule(ecps, path, 2, person_id=CHAU)
    assert await joining(ecps, path, "support") == [(None, None, None, "pending")]
    await ecps.learn({CHAU: PERSON})
    assert await joining(ecps, path, "support") == [(None, "Châu", None, None)]
    assert await joining(ecps, path, "support", **THE_PARTNER) == [(None, "Poly+ support", None, None)]
    actions = [{"what": "Look", "owner": owner} for owner in ("châu", str(CHAU))]
    held = await ecps.post(f"{path}/held", {"outcome": "Found it", "actions": actions})
    assert [(each["owner"], each["owner_id"]) for each in held.json()["actions"]] == [("Châu", str(CHAU))] * 2
    told = [each["owner"] for each in (await ecps.get(path, **THE_PARTNER)).json()["actions"]]
    assert told == ["Poly+ support", "Poly+ support"]
    rows = await written(ecps, "people", "idempotency_keys")
    assert [each for each in ("châu", "chau.le@", "the engineer") if each in rows.casefold()] == []

    other = await a_call(ecps, await another_case(ecps))
    answer = await schedule(ecps, other, 2, participants=[{"side": "support", "person_id": str(CHAU)}])
    assert answer.json()["participants"][0]["name"] == "Châu"
    for wrong in (gone, away, uuid4()):
        refused = await schedule(ecps, other, 2, participants=[{"side": "support", "person_id": str(wrong)}])
        assert (refused.status_code, refused.json()["id"]) == (422, str(wrong))
    await ecps.learn({CHAU: PersonState}, version=2)
    assert await joining(ecps, path, "support") == [(None, None, None, "erased")]
    assert [each["state"] for each in (await ecps.get(path)).json()["actions"]] == ["erased", "erased"]


CASE = ACase(datetime.now(UTC))


async def story(ecps: Harness) -> list[Delivery]:
    await ecps.empty()
    await a_partner(ecps)
    facts = (CASE.opened(), CASE.covered(), CASE.diagnosed(), CASE.asked(), CASE.covered(2, "X72"))
    states = (ecps.record(CONTACT, AN), ecps.record(CONTACT, ContactState, version=2))
    return [*map(ecps.delivery, facts), *states]


async def outcome(ecps: Harness) -> Any:
    path = await a_call(ecps, CASE)
    await schedule(ecps, path, 2)
    state = await ecps.state(ignore=("number", "our_reference", "window", "history", "proposed"))
    del state["partners"]
    return state, await joining(ecps, path), await attendees(ecps, path)


STORY = AnyOrder(story, outcome)


@in_any_order()
async def test_contacts_come_late_or_twice_or_after_they_are_gone_and_nothing_is_other(
    ecps: Harness, data: st.DataObject
) -> None:
    expected = await STORY.as_it_happened(ecps)
    assert expected[1] == [(str(CONTACT), None, None, "erased")]
    assert await STORY.outcome_of(ecps, data) == expected


async def test_calls_and_decisions_of_before_name_nobody(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "ecps", prefix="people_")
    await migrate("ecps", made.owner_url, "0011")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    coverage = ACase().covered().model_dump(mode="json")
    coverage["site"] |= {"name": "HQ", "address_lines": ["1 Le Loi"]}
    coverage["contact"] |= {"name": "Chị An", "email": "an@acme.example"}
    case = await a_row(owner, "case_files", {"coverage": coverage})
    bare = await a_row(owner, "case_files", {"coverage": None})
    lead = {"side": "partner", "name": "Duty lead", "email": "lead@cloud.example"}
    ba = {"side": "customer", "name": "Cô Ba", "email": "ba@lobby.example"}
    an = {"side": "customer", "name": "Chị An", "email": "an@acme.example"}
    what = {"what": "Look", "due": None}
    said = {"participants": [lead, an, ba], "actions": [what | {"owner": "chị an"}, what | {"owner": "Cô Ba"}]}
    call = await a_row(owner, "joint_calls", {"case_id": case, **said})
    other = await a_row(owner, "joint_calls", {"case_id": bare, "participants": [], "actions": []})

    await migrate("ecps", made.owner_url)

    async def row(table: str, id: str | UUID) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await owner.fetchval(f"SELECT to_jsonb(t) FROM {table} t WHERE id = $1", id))
        return found

    kept = await row("joint_calls", call)
    assert kept["participants"] == [lead, {"side": "customer", "contact_id": str(CONTACT)}, ba]
    assert [each["owner"] for each in kept["actions"]] == [str(CONTACT), "Cô Ba"]
    assert [(await row("joint_calls", other))[name] for name in ("participants", "actions")] == [[], []]
    assert (await row("case_files", case))["coverage"] == {
        "revision": 1,
        "time_zone": "Asia/Ho_Chi_Minh",
        "contact_id": str(CONTACT),
        "product": coverage["product"],
    }
    assert (await row("case_files", bare))["coverage"] is None
    await owner.close()
