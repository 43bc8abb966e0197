"""A client that acts for one person: what it does, that person does, for as long as the person may."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.gateway import ClientChanged, ClientCreated
from libs.kit.auth import Principal, Verifier
from services.gateway.identity import secrets
from services.gateway.tests.stage import KEY, Stage, headers_of
from services.gateway.tests.test_people import change, colleague, invited
from tests.support.harness import Harness

ENGINEER: dict[str, Any] = {"name": "A desk", "role": "engineer"}


async def test_a_client_names_a_person_who_acts_in_its_role(gateway: Harness) -> None:
    binh, huy = await invited(gateway, roles=["engineer"]), await colleague(gateway)
    made = await gateway.post("/v1/clients", {**ENGINEER, "person_id": binh["id"]}, role="admin")
    assert (made.status_code, made.json()["person_id"]) == (201, binh["id"])
    path = f"/v1/clients/{made.json()['id']}"
    moved = await gateway.patch(path, {"person_id": huy["id"]}, etag='"0"', role="admin")
    assert (moved.status_code, moved.json()["person_id"]) == (200, huy["id"])
    freed = await gateway.patch(path, {"person_id": None}, etag='"1"', role="admin")
    assert (freed.status_code, freed.json()["person_id"]) == (200, None)
    assert (await gateway.get(path, role="admin")).json()["person_id"] is None
    assert [str(e.person_id) for e in await gateway.events(ClientCreated)] == [binh["id"]]
    told = [(e.changed, e.person_id and str(e.person_id)) for e in await gateway.events(ClientChanged)]
    assert told == [(["person_id"], huy["id"]), (["person_id"], None)]


async def test_a_client_is_shown_with_the_name_of_now_of_whom_it_acts_for(gateway: Harness) -> None:
    huy = await colleague(gateway)
    made = (await gateway.post("/v1/clients", {**ENGINEER, "person_id": huy["id"]}, role="admin")).json()
    system = (await gateway.post("/v1/clients", ENGINEER, role="admin")).json()
    assert (made["person"], system["person"]) == ({"id": huy["id"], "name": huy["name"], "state": None}, None)
    assert (await change(gateway, huy, name="Lê Huy")).status_code == 200
    for path in (f"/v1/clients/{made['id']}", f"/v1/clients?person_id={huy['id']}"):
        answer = (await gateway.get(path, role="admin")).json()
        [shown] = answer.get("items", [answer])
        assert (shown["name"], shown["person"]) == ("A desk", {"id": huy["id"], "name": "Lê Huy", "state": None})
    await gateway.post(f"/v1/people/{huy['id']}/erase", {"reason": "DSR-18"}, role="admin")
    erased = (await gateway.get(f"/v1/clients/{made['id']}", role="admin")).json()
    assert erased["person"] == {"id": huy["id"], "name": None, "state": "erased"}


async def test_a_person_who_is_not_or_may_not_is_refused(gateway: Harness) -> None:
    binh, gone = await invited(gateway, roles=["engineer"]), await colleague(gateway)
    await gateway.post(f"/v1/people/{gone['id']}/disable", role="admin")
    client = (await gateway.post("/v1/clients", ENGINEER, role="admin")).json()
    a_customers = {"role": "customer", "accounts": [str(uuid4())]}
    for fields, kind in (
        ({"person_id": str(uuid4())}, "unknown-person"),
        ({"person_id": gone["id"]}, "unknown-person"),
        ({"person_id": binh["id"], "role": "manager"}, "not-this-persons-role"),
        ({"person_id": binh["id"], **a_customers}, "not-this-persons-role"),
    ):
        answer = await gateway.post("/v1/clients", {**ENGINEER, **fields}, role="admin")
        assert (answer.status_code, answer.json()["type"]) == (422, f"urn:polyplus:problem:{kind}")
        assert answer.json()["field"] == "person_id"
    path = f"/v1/clients/{client['id']}"
    refused = await gateway.patch(path, {"person_id": gone["id"]}, etag='"0"', role="admin")
    assert refused.status_code == 422
    assert (await gateway.get("/v1/clients", role="admin")).json()["items"] == [
        {k: v for k, v in client.items() if k != "secret"}
    ]


def test_who_acts_is_the_person_or_else_the_system() -> None:
    system, person = Principal(uuid4(), "ERP", "engineer"), uuid4()
    desk = Principal(uuid4(), "desk", "engineer", person_id=person)
    assert (system.actor, desk.actor) == (f"engineer:{system.id}", f"engineer:{person}")
    assert (system.scope.actor, desk.scope.actor) == (system.actor, desk.actor)


async def test_services_are_told_who_acts_and_nobody_once_the_person_may_not(
    stage: Stage, gateway: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.identity.directory.FRESH_SECONDS", 0.0)
    binh = await invited(gateway, roles=["engineer", "ops"])
    id = await stage.make("engineer", person_id=UUID(binh["id"]))
    http = await stage.http(authorization=f"Bearer {stage.token(id)}")
    behind = headers_of(await http.get("/v1/cases", headers={"x-person-id": str(uuid4())}))
    principal = Verifier(KEY.public).principal(behind["authorization"])
    assert (principal.id, str(principal.person_id)) == (id, binh["id"])
    assert principal.actor == f"engineer:{binh['id']}"
    alone = headers_of(await (await stage.client("engineer")).get("/v1/cases"))
    assert Verifier(KEY.public).principal(alone["authorization"]).person_id is None

    assert (await change(gateway, binh, roles=["ops"])).status_code == 200
    assert (await http.get("/v1/cases")).status_code == 401
    assert (await change(gateway, binh, roles=["engineer"])).status_code == 200
    assert (await http.get("/v1/cases")).status_code == 200
    await gateway.post(f"/v1/people/{binh['id']}/disable", role="admin")
    assert (await http.get("/v1/cases")).status_code == 401


async def test_no_token_is_given_while_the_person_may_not_act(stage: Stage, gateway: Harness) -> None:
    binh = await invited(gateway, roles=["engineer"])
    hashed = await secrets.hashed("s3cret")
    id = await stage.make("engineer", person_id=UUID(binh["id"]), secret_hash=hashed)
    http, grant = await stage.http(), {"grant_type": "client_credentials"}
    assert (await http.post("/oauth/token", data=grant, auth=(str(id), "s3cret"))).status_code == 200
    await gateway.post(f"/v1/people/{binh['id']}/disable", role="admin")
    assert (await http.post("/oauth/token", data=grant, auth=(str(id), "s3cret"))).status_code == 401
    assert (await change(gateway, binh, active=True)).status_code == 200
    assert (await http.post("/oauth/token", data=grant, auth=(str(id), "s3cret"))).status_code == 200
