"""Our own people: an admin keeps them, those who work here see them, and the facts about them name nobody."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.gateway import (
    ClientDisabled,
    PersonChanged,
    PersonDisabled,
    PersonErased,
    PersonInvited,
    PersonLeft,
    PersonState,
)
from libs.kit.auth import ROLES, STAFF
from libs.store import Scope
from libs.store.ids import new_id
from services.gateway.model.client import Client
from services.gateway.model.person import Person
from tests.support.harness import Harness

BINH: dict[str, Any] = {
    "name": "Trần Thị Bình",
    "display_name": "Bình (Poly+)",
    "email": "Binh.Tran@polyplus.example",
    "phone": "+84 28 5550 0140",
    "language": "vi",
    "time_zone": "Asia/Ho_Chi_Minh",
    "roles": ["manager", "engineer", "engineer"],
}


async def invited(gateway: Harness, **fields: Any) -> dict[str, Any]:
    answer = await gateway.post("/v1/people", {**BINH, **fields}, role="admin")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def colleague(gateway: Harness, **fields: Any) -> dict[str, Any]:
    return await invited(gateway, **{"name": "Lê Văn Huy", "email": None, "roles": ["engineer"], **fields})


async def told(gateway: Harness) -> dict[UUID, tuple[int, PersonState | None]]:
    """Of each the version and the record on the state topic."""
    async with gateway.database.pool.acquire() as connection:
        rows = await connection.fetch("SELECT key, version, data FROM states WHERE topic = 'gateway.people'")
    return {r["key"]: (r["version"], r["data"] and PersonState.model_validate_json(r["data"])) for r in rows}


async def change(gateway: Harness, person: dict[str, Any], **fields: Any) -> Any:
    path = f"/v1/people/{person['id']}"
    etag = (await gateway.get(path)).headers["etag"]
    return await gateway.patch(path, fields, etag=etag, role="admin")


async def an_admin_for(gateway: Harness, person: dict[str, Any]) -> None:
    """An admin's client that acts for this person: the only one there is."""
    answer = await gateway.post(
        "/v1/clients", {"name": "console", "role": "admin", "person_id": person["id"]}, role="admin"
    )
    assert answer.status_code == 201, answer.text


async def test_a_person_is_kept_told_as_state_and_named_in_no_fact(gateway: Harness) -> None:
    person = await invited(gateway, why="Bình starts")
    assert {name: person[name] for name in BINH} == {**BINH, "roles": ["engineer", "manager"]}
    assert (person["active"], person["successor_id"], person["erased_at"]) == (True, None, None)
    answer = await change(gateway, person, phone=None, name="Trần Bình", why="Bình asked")
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert [(each["what"], each["why"]) for each in changed["history"]] == [
        ("invited", "Bình starts"),
        ("changed name, phone", "Bình asked"),
    ]
    state = {**BINH, "roles": ["engineer", "manager"], "name": "Trần Bình", "phone": None, "active": True}
    id = UUID(person["id"])
    assert await told(gateway) == {id: (2, PersonState.model_validate(state))}
    [first], [second] = await gateway.events(PersonInvited), await gateway.events(PersonChanged)
    assert (first.person_id, first.revision, first.roles) == (id, 1, ["engineer", "manager"])
    assert (second.person_id, second.revision, second.changed) == (id, 2, ["name", "phone"])
    assert first.by == second.by == changed["history"][1]["by"]
    facts = [row for row in await gateway.outbox() if row["topic"] == "gateway.events"]
    assert [row["version"] for row in facts] == [1, 2]
    assert not any("Bình".encode() in row["data"] or b"5550" in row["data"] for row in facts)


async def test_a_change_of_nothing_is_no_change(gateway: Harness) -> None:
    person = await invited(gateway)
    assert (await change(gateway, person, name=BINH["name"])).status_code == 200
    assert (await change(gateway, person, why="nothing")).status_code == 422
    assert await gateway.events(PersonChanged) == []
    assert [version for version, _ in (await told(gateway)).values()] == [1]


async def test_customers_see_the_name_unless_another_is_said(gateway: Harness) -> None:
    person = await colleague(gateway, display_name=None)
    assert person["display_name"] == "Lê Văn Huy"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"roles": []},
        {"roles": ["customer"]},
        {"roles": ["root"]},
        {"time_zone": "Hanoi"},
        {"language": "fr"},
        {"email": "binh"},
        {"active": False},
        {"id": str(uuid4())},
        {"erased_at": None},
    ],
)
async def test_a_person_who_makes_no_sense_is_refused(gateway: Harness, wrong: dict[str, Any]) -> None:
    assert (await gateway.post("/v1/people", {**BINH, **wrong}, role="admin")).status_code == 422
    assert (await gateway.get("/v1/people")).json()["items"] == []


async def test_an_address_is_one_persons_in_whatever_case(gateway: Harness) -> None:
    person, other = await invited(gateway), await colleague(gateway, email="huy@polyplus.example")
    twin = await gateway.post("/v1/people", {**BINH, "email": "BINH.TRAN@polyplus.example"}, role="admin")
    assert (twin.status_code, twin.json()["id"]) == (409, person["id"])
    assert (await change(gateway, other, email="binh.tran@POLYPLUS.example")).status_code == 409
    assert (await change(gateway, person, email="binh.tran@polyplus.example")).status_code == 200
    found = (await gateway.get("/v1/people?email=BINH.TRAN@polyplus.example")).json()["items"]
    assert [each["id"] for each in found] == [person["id"]]


async def test_people_are_found_by_words_role_and_whether_they_act(gateway: Harness) -> None:
    binh, huy = await invited(gateway), await colleague(gateway)
    await gateway.post(f"/v1/people/{huy['id']}/disable", role="admin")

    async def found(query: str) -> list[str]:
        items = (await gateway.get(f"/v1/people?{query}")).json()["items"]
        return [{binh["id"]: "Bình", huy["id"]: "Huy"}[each["id"]] for each in items]

    assert await found("q=tran") == ["Bình"]
    assert await found("q=poly") == ["Bình", "Huy"]
    assert await found("role=manager") == ["Bình"]
    assert await found("active=false") == ["Huy"]
    assert await found("sort=name") == ["Huy", "Bình"]
    assert await found("updated_since=2020-01-01T00:00:00Z") == ["Bình", "Huy"]
    assert await found("updated_since=2090-01-01T00:00:00Z") == []


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_those_who_work_here_read_and_an_admin_alone_writes(gateway: Harness, role: str) -> None:
    person = await invited(gateway)
    path = f"/v1/people/{person['id']}"
    reads = [await gateway.get("/v1/people", role=role), await gateway.get(path, role=role)]
    assert [answer.status_code for answer in reads] == [200 if role in STAFF else 403] * 2
    if role != "admin":
        writes = [
            await gateway.post("/v1/people", BINH, role=role),
            await gateway.patch(path, {"name": "x"}, etag='"0"', role=role),
            await gateway.post(f"{path}/disable", role=role),
            await gateway.post(f"{path}/leave", {"successor_id": person["id"]}, role=role),
            await gateway.post(f"{path}/erase", {"reason": "DSR-17"}, role=role),
        ]
        assert [answer.status_code for answer in writes] == [403] * 5


async def test_no_tenants_statement_reads_a_person(gateway: Harness) -> None:
    """Whatever a route forgets."""
    await invited(gateway)
    async with gateway.database.transaction(Scope("tenant", frozenset({uuid4()}))) as tx:
        assert await tx.select(Person) == []
        await tx.connection.fetch("SELECT * FROM names_of($1)", [uuid4()])
        assert await tx.select(Person) == []


async def test_who_leaves_is_succeeded_and_may_come_back(gateway: Harness) -> None:
    binh, huy = await invited(gateway), await colleague(gateway)
    path = f"/v1/people/{binh['id']}"
    for successor in (binh["id"], str(uuid4())):
        answer = await gateway.post(f"{path}/leave", {"successor_id": successor}, role="admin")
        assert (answer.status_code, answer.json()["field"]) == (422, "successor_id")
    answer = await gateway.post(f"{path}/leave", {"successor_id": huy["id"], "why": "retires"}, role="admin")
    assert (answer.status_code, answer.json()["active"], answer.json()["successor_id"]) == (200, False, huy["id"])
    again = await gateway.post(f"{path}/leave", {"successor_id": huy["id"]}, role="admin")
    assert (again.status_code, again.json()["state"]) == (409, "left")
    to_one_who_left = await gateway.post(f"/v1/people/{huy['id']}/leave", {"successor_id": binh["id"]}, role="admin")
    assert to_one_who_left.status_code == 422
    [left] = await gateway.events(PersonLeft)
    assert (str(left.person_id), str(left.successor_id), left.revision) == (binh["id"], huy["id"], 2)
    version, state = (await told(gateway))[UUID(binh["id"])]
    assert state
    assert (version, state.active, str(state.successor_id)) == (2, False, huy["id"])

    back = (await change(gateway, binh, active=True)).json()
    assert (back["active"], back["successor_id"]) == (True, None)
    assert (await gateway.events(PersonChanged))[-1].changed == ["active", "successor_id"]
    assert (await change(gateway, binh, active=False)).status_code == 422


async def test_who_is_disabled_is_told_once(gateway: Harness) -> None:
    binh = await invited(gateway)
    for _ in range(2):
        answer = await gateway.post(f"/v1/people/{binh['id']}/disable", {"why": "left the keys"}, role="admin")
        assert (answer.status_code, answer.json()["active"]) == (200, False)
    assert [(str(e.person_id), e.revision) for e in await gateway.events(PersonDisabled)] == [(binh["id"], 2)]
    assert [each["what"] for each in answer.json()["history"]] == ["invited", "disabled"]


async def test_the_last_who_may_act_as_admin_stays_one(gateway: Harness) -> None:
    binh, huy = await invited(gateway, roles=["admin"]), await colleague(gateway)
    await an_admin_for(gateway, binh)
    path = f"/v1/people/{binh['id']}"
    refused = [
        await gateway.post(f"{path}/disable", role="admin"),
        await gateway.post(f"{path}/leave", {"successor_id": huy["id"]}, role="admin"),
        await gateway.post(f"{path}/erase", {"reason": "DSR-17"}, role="admin"),
        await change(gateway, binh, roles=["engineer"]),
    ]
    assert [(a.status_code, a.json()["type"]) for a in refused] == [(409, "urn:polyplus:problem:last-admin")] * 4
    assert (await gateway.get(path)).json()["active"]
    await gateway.post("/v1/clients", {"name": "another", "role": "admin"}, role="admin")
    assert (await gateway.post(f"{path}/disable", role="admin")).status_code == 200
    async with gateway.transaction() as tx:
        [another] = [each for each in await tx.select(Client) if each.person_id is None]
    assert (await gateway.request("DELETE", f"/v1/clients/{another.id}", role="admin")).status_code == 409


async def erase(gateway: Harness, person: dict[str, Any], *, status: int = 200, **how: Any) -> Any:
    answer = await gateway.post(f"/v1/people/{person['id']}/erase", {"reason": "DSR-17"}, **{"role": "admin", **how})
    assert answer.status_code == status, answer.text
    return answer


async def test_of_who_is_erased_nothing_is_left_but_the_id(gateway: Harness) -> None:
    binh = await invited(gateway, why="Bình starts")
    id = UUID(binh["id"])
    desk = {"name": "Bình's desk", "role": "engineer", "person_id": binh["id"]}
    client = (await gateway.post("/v1/clients", desk, role="admin", key="desk")).json()

    shown = (await erase(gateway, binh)).json()

    assert shown == (await gateway.get(f"/v1/people/{id}")).json()
    assert (shown["name"], shown["active"], [(each["what"], each["why"]) for each in shown["history"]]) == (
        "",
        False,
        [("invited", None), ("erased", "DSR-17")],
    )
    assert await told(gateway) == {id: (2, None)}
    async with gateway.database.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL polyplus.scope = 'worker'")
        rows = [
            *await connection.fetch("SELECT to_jsonb(p)::text AS row FROM people p"),
            *await connection.fetch("SELECT to_jsonb(c)::text AS row FROM clients c"),
            *await connection.fetch("SELECT convert_from(body, 'UTF8') AS row FROM idempotency_keys"),
            *await connection.fetch("SELECT convert_from(data, 'UTF8') AS row FROM outbox WHERE data IS NOT NULL"),
        ]
    kept = "\n".join(row["row"] for row in rows).casefold()
    assert [said for said in ("bình", "binh", "5550", "ho_chi_minh") if said in kept] == []
    assert (await gateway.get(f"/v1/clients/{client['id']}", role="admin")).json()["disabled_at"]
    again = await gateway.post("/v1/clients", desk, role="admin", key="desk")
    assert (again.status_code, again.json()["id"]) == (410, client["id"])
    refused = [
        await change(gateway, binh, name="Bình"),
        await gateway.post(f"/v1/people/{id}/disable", role="admin"),
        await gateway.post(f"/v1/people/{id}/leave", {"successor_id": str(new_id())}, role="admin"),
    ]
    assert [answer.status_code for answer in refused] == [409] * 3
    assert {answer.json()["type"] for answer in refused} == {"urn:polyplus:problem:person-forgotten"}
    assert (await gateway.post("/v1/people", BINH, role="admin")).status_code == 201


async def test_an_erasure_is_told_once_by_a_fact_that_names_nobody(gateway: Harness) -> None:
    binh = await invited(gateway)
    first = await erase(gateway, binh)
    assert (await erase(gateway, binh)).json() == first.json()
    [fact] = await gateway.events(PersonErased)
    assert (str(fact.person_id), fact.by) == (binh["id"], first.json()["history"][-1]["by"])
    assert PersonErased.contract.visibility == "internal"


async def test_the_clients_that_acted_for_who_is_erased_are_disabled_and_no_other(gateway: Harness) -> None:
    binh, huy = await invited(gateway, roles=["engineer", "ops"]), await colleague(gateway)
    made = [
        (await gateway.post("/v1/clients", {"name": "d", **fields}, role="admin")).json()["id"]
        for fields in (
            {"role": "engineer", "person_id": binh["id"]},
            {"role": "ops", "person_id": binh["id"]},
            {"role": "engineer", "person_id": huy["id"]},
            {"role": "ops"},
        )
    ]
    await gateway.request("DELETE", f"/v1/clients/{made[1]}", role="admin")
    await erase(gateway, binh)
    shown = [(await gateway.get(f"/v1/clients/{id}", role="admin")).json() for id in made]
    assert [bool(each["disabled_at"]) for each in shown] == [True, True, False, False]
    assert [each["name"] for each in shown] == ["engineer", "ops", "d", "d"]
    assert [str(e.client_id) for e in await gateway.events(ClientDisabled)] == [made[1], made[0]]


async def test_names_are_given_for_ids_to_each_what_they_may_see(gateway: Harness) -> None:
    binh, huy, unknown = await invited(gateway), await colleague(gateway), str(uuid4())
    system = (await gateway.post("/v1/clients", {"name": "ERP", "role": "ops"}, role="admin")).json()["id"]
    await erase(gateway, huy)
    query = "&".join(f"ids={id}" for id in (huy["id"], unknown, system, binh["id"], huy["id"]))

    async def names(role: str) -> list[tuple[str, str | None, str]]:
        answer = await gateway.get(f"/v1/names?{query}", role=role, accounts=[uuid4()])
        assert answer.status_code == 200, answer.text
        return [(each["id"], each["name"], each["state"]) for each in answer.json()["items"]]

    for role in sorted(ROLES):
        assert await names(role) == [
            (huy["id"], None, "erased"),
            (unknown, None, "pending"),
            (system, "ERP", "known") if role in STAFF else (system, None, "pending"),
            (binh["id"], BINH["name" if role in STAFF else "display_name"], "known"),
        ], role
    assert (await gateway.get("/v1/names")).status_code == 422
    many = "&".join(f"ids={new_id()}" for _ in range(101))
    assert (await gateway.get(f"/v1/names?{many}")).status_code == 422
