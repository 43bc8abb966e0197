"""Who is on call, and who knows what."""

import json
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.events.gateway import PersonState
from libs.kit import people
from libs.store.ids import new_id
from services.escalation.tests.builders import a_person, a_rota, an_expert, id_of, pointers
from tests.contract.test_labels_in_rows import a_row
from tests.support.harness import Harness
from tests.support.refusals import refusal

AN, BINH, CHI = id_of("An"), id_of("Binh"), id_of("Chi")


@pytest.mark.promise("S23")
async def test_who_is_on_call_is_asked_for_any_instant(escalation: Harness) -> None:
    made = await escalation.post("/v1/rotas", a_rota(people=("An", "Binh")), role="manager")
    path = f"/v1/rotas/{made.json()['id']}"
    override = {
        "starts": "2026-03-04T00:00:00+07:00",
        "ends": "2026-03-05T00:00:00+07:00",
        "person_id": str(CHI),
        "reason": "ill",
    }
    overridden = await escalation.post(f"{path}/overrides", override, role="engineer")
    assert overridden.status_code == 201
    assert overridden.json()["by"].startswith("engineer:")

    async def who(instant: str) -> list[str]:
        answer = await escalation.get(f"{path}/on-call?at={quote(instant)}")
        return [person["name"] for person in answer.json()["people"]]

    assert await who("2025-01-06T09:00:00+07:00") == ["An"]
    assert await who("2025-01-13T09:00:00+07:00") == ["Binh"]
    assert await who("2026-03-04T12:00:00+07:00") == ["Chi"]
    assert (await escalation.get(f"{path}/on-call")).json()["people"]


@pytest.mark.parametrize(
    ("path", "body", "change"),
    [
        ("/v1/teams", {"name": "Backline", "members": [str(AN)]}, {"name": "Front line"}),
        ("/v1/rotas", a_rota(), {"webhook_url": "https://hooks.example/3"}),
        ("/v1/experts", {"person_id": str(AN), "skills": {"families": ["Studio X"]}}, {"max_load": 9}),
        (
            "/v1/policies",
            {"name": "P", "steps": [{"calls": [{"kind": "duty_manager"}]}]},
            {"repeat": None, "active": False},
        ),
    ],
)
async def test_master_data_is_kept_listed_and_revised(escalation: Harness, path: str, body: Any, change: Any) -> None:
    assert (await escalation.post(path, body, role="engineer")).status_code == 403
    for unknown in ("surprise", "id"):
        refused = await escalation.post(path, {**body, unknown: str(new_id())}, role="manager")
        assert (refused.status_code, pointers(refused)) == (422, [f"/{unknown}"])
    made = await escalation.post(path, body, role="manager")
    assert made.status_code == 201
    id = made.json()["id"]
    assert [item["id"] for item in (await escalation.get(path)).json()["items"]] == [id]

    read = await escalation.get(f"{path}/{id}")
    needed = next(iter(body))
    refused = await escalation.patch(f"{path}/{id}", {needed: None}, etag=read.headers["etag"], role="manager")
    assert (refused.status_code, needed in refused.text) == (422, True)
    revised = await escalation.patch(f"{path}/{id}", change, etag=read.headers["etag"], role="manager")
    assert revised.status_code == 200
    assert {name: revised.json()[name] for name in change} == change
    assert (
        await escalation.patch(f"{path}/{id}", change, etag=read.headers["etag"], role="manager")
    ).status_code == 412
    assert (await escalation.get(f"{path}/{new_id()}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "refused"),
    [
        ("/v1/rotas", {"name": "R", "layers": []}, "/layers"),
        (
            "/v1/rotas",
            {"name": "R", "layers": [a_rota()["layers"][0] | {"time_zone": "Mars/Olympus"}]},
            "/layers/0/time_zone",
        ),
        ("/v1/policies", {"name": "P", "steps": []}, "/steps"),
        ("/v1/policies", {"name": "P", "steps": [{"calls": [{"kind": "rota"}]}]}, "/steps/0/calls/0"),
        (
            "/v1/policies",
            {"name": "P", "rules": ["luck"], "steps": [{"calls": [{"kind": "duty_manager"}]}]},
            "/rules/0",
        ),
        ("/v1/teams", {"name": "T", "members": [], "webhook_url": "file:///etc/passwd"}, "/webhook_url"),
        ("/v1/teams", {"name": "T", "members": [], "webhook_url": "http://hooks.example/1"}, "/webhook_url"),
        ("/v1/teams", {"name": "T", "members": [], "webhook_url": "https://2130706433:15432/"}, "/webhook_url"),
        ("/v1/rotas", a_rota() | {"webhook_url": "https://[64:ff9b::169.254.169.254]/"}, "/webhook_url"),
        ("/v1/experts", {"person_id": str(AN), "skills": {"domains": ["luck"]}}, "/skills/domains/0"),
    ],
)
async def test_what_makes_no_sense_is_refused(escalation: Harness, path: str, body: Any, refused: str) -> None:
    answer = await escalation.post(path, body, role="manager")
    assert (answer.status_code, pointers(answer)[0]) == (422, refused)
    assert (await escalation.get(path)).json()["items"] == []


@pytest.mark.promise("S23")
async def test_experts_are_searched_by_skill_with_why_they_cannot_be_asked(escalation: Harness) -> None:
    away = [{"starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z"}]
    office = {
        "time_zone": "Asia/Ho_Chi_Minh",
        "windows": [{"weekdays": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "17:00"}],
    }
    for body in (
        {"name": "away", "skills": {"families": ["Studio X"], "domains": ["network"]}, "absences": away},
        {"name": "both", "skills": {"families": ["Studio X"], "domains": ["network"]}, "hours": office},
        {"name": "one", "skills": {"domains": ["network"]}},
        {"name": "full", "skills": {"domains": ["network"]}, "max_load": 0},
        {"name": "none", "skills": {"domains": ["software"]}},
    ):
        await an_expert(escalation, **body)

    async def search(instant: str) -> list[tuple[str, str | None, int]]:
        path = f"/v1/experts/search?family=Studio%20X&domain=network&at={quote(instant)}"
        found = (await escalation.get(path)).json()["items"]
        return [(each["name"], each["unavailable"], each["matching_skills"]) for each in found]

    assert await search("2026-03-03T10:00:00+07:00") == [
        ("both", None, 2),
        ("one", None, 1),
        ("away", "absent", 2),
        ("full", "fully_loaded", 1),
    ]
    assert (await search("2026-03-03T20:00:00+07:00"))[0][0] == "one"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/teams", lambda who: {"name": "T", "members": [who]}),
        ("/v1/rotas", lambda who: {"name": "R", "layers": [a_rota()["layers"][0] | {"people": [who]}]}),
        ("/v1/policies", lambda who: {"name": "P", "steps": [{"calls": [{"kind": "person", "id": who}]}]}),
        ("/v1/experts", lambda who: {"person_id": who, "skills": {"families": ["Studio X"]}}),
    ],
)
async def test_who_is_told_or_called_is_one_of_our_own_people(
    escalation: Harness, path: str, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.1)
    gone, technician, nobody = new_id(), new_id(), str(new_id())
    fieldwork = a_person("Chau").model_copy(update={"roles": ["technician"]})
    await escalation.learn({gone: a_person("Away").model_copy(update={"active": False}), technician: fieldwork})
    assert refusal(await escalation.post(path, body(nobody), role="manager")) == (503, "people-behind")
    await escalation.has_caught_up(PersonState.contract.topic)
    for wrong in (nobody, str(gone), str(technician)):
        refused = await escalation.post(path, body(wrong), role="manager")
        assert (refusal(refused), refused.json()["id"]) == ((422, "no-such-person"), wrong)
    made = await escalation.post(path, body(str(AN)), role="manager")
    etag, own = made.headers["etag"], f"{path}/{made.json()['id']}"
    change = {name: value for name, value in body(nobody).items() if name != "name"}
    assert refusal(await escalation.patch(own, change, etag=etag, role="manager")) == (422, "no-such-person")


async def test_a_rota_and_a_team_show_the_names_of_now(escalation: Harness) -> None:
    rota = await escalation.post("/v1/rotas", a_rota(people=("An", "Binh")), role="manager")
    team = await escalation.post("/v1/teams", {"name": "T", "members": [str(AN), str(BINH)]}, role="manager")
    renamed = a_person("An").model_copy(update={"name": "An Tran"})
    await escalation.learn({AN: renamed, BINH: PersonState}, version=2)
    shown = [
        {"id": str(AN), "name": "An Tran", "state": None},
        {"id": str(BINH), "name": None, "state": "erased"},
    ]
    assert (await escalation.get(f"/v1/rotas/{rota.json()['id']}")).json()["layers"][0]["people"] == shown
    assert (await escalation.get("/v1/teams")).json()["items"][0]["members"] == shown
    async with escalation.transaction() as tx:
        kept = str(
            [
                dict(row)
                for row in await tx.connection.fetch("SELECT layers FROM rotas UNION ALL SELECT members FROM teams")
            ]
        )
    assert str(AN) in kept
    assert "An Tran" not in kept
    assert team.json()["members"][0]["name"] == "An"


async def test_of_who_was_named_before_the_id_is_kept_and_no_name(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "escalation", prefix="named_people_")
    await migrate("escalation", made.owner_url, "0011")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    old, ours, unknown = new_id(), new_id(), new_id()
    await owner.execute(
        "INSERT INTO people (id, version, revision, gone, email) VALUES ($1, 1, 0, false, 'Binh@x.example')", ours
    )
    binh = {"id": str(old), "name": "Binh", "email": "binh@x.example", "language": "vi"}
    an = {"id": str(unknown), "name": "An", "email": None, "language": "en"}
    span = {
        "id": str(new_id()),
        "starts": "2026-01-01T00:00:00Z",
        "ends": "2026-01-02T00:00:00Z",
        "reason": "ill",
        "by": "",
    }
    overrides = [{**span, "person": an, "replaces": str(old)}]
    told: list[dict[str, Any]] = [
        {"kind": "assignee", "id": None, "name": "Binh", "address": "binh@x.example", "language": "en"},
        {"kind": "on_call", "id": str(old), "name": "Binh", "address": "binh@x.example", "language": "vi"},
        {"kind": "webhook", "id": str(unknown), "name": "Team", "address": "https://hooks.example/1", "language": "en"},
    ]
    step = {"calls": [{"kind": "person", "id": None, "person": binh}], "minutes_to_next": 15, "acknowledgements": 1}
    rows: dict[str, dict[str, Any]] = {
        "teams": {"members": [binh, an]},
        "rotas": {"layers": [{"name": "L", "people": [binh]}], "overrides": overrides},
        "escalation_policies": {"priorities": [], "rules": [], "steps": [step]},
        "breaches": {"recipients": told},
        "escalations": {
            "policy": {"id": None, "steps": [step]},
            "recipients": told,
            "acknowledgements": [{"by": f"engineer:{old}", "by_name": "Binh", "at": "2026-01-01T00:00:00Z"}],
            "owner": {"kind": "assignee", "id": str(old), "name": "Binh", "address": None, "language": "en"},
            "experts": [],
            "history": [],
        },
    }
    for table, row in rows.items():
        await a_row(owner, table, row)

    await migrate("escalation", made.owner_url)

    after = {
        table: json.loads(await owner.fetchval(f"SELECT to_jsonb(t) FROM {table} t")) for table in (*rows, "overrides")
    }
    await owner.close()
    assert after["teams"]["members"] == [str(ours), str(unknown)]
    assert after["rotas"]["layers"][0]["people"] == [str(ours)]
    override = after["overrides"]
    assert (override["rota_id"], override["reason"], override["ends"]) == (
        after["rotas"]["id"],
        "ill",
        "2026-01-02T00:00:00+00:00",
    )
    assert (override["person_id"], override["replaces"]) == (str(unknown), str(ours))
    called = [{"kind": "person", "id": str(ours)}]
    assert after["escalation_policies"]["steps"][0]["calls"] == called
    assert after["escalations"]["policy"]["steps"][0]["calls"] == called
    assert after["escalations"]["owner"] == str(ours)
    assert [each["id"] for each in after["breaches"]["recipients"]] == [None, str(ours), str(unknown)]
    assert [word for word in ("Binh", "binh@", '"An"') if word in json.dumps(after)] == []
    assert "https://hooks.example/1" in json.dumps(after["escalations"])
