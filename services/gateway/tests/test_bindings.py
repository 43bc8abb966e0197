"""A client is bound to what exists, by the word of the service that owns it, and to something where its role needs it."""

import asyncio
import importlib
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI, Response

from libs.kit.auth import ROLES, Verifier
from services.gateway.door.upstreams import Upstreams
from services.gateway.tests.stage import KEY
from services.gateway.use_cases.bindings import NEEDED, OWNERS, AskOwners
from tests.support.harness import Harness, harness_fixture
from tests.support.serving import serving

NOBODY = str(UUID(int=0))
"""What the services behind the standing door do not know."""
BOUND = {"accounts", "depots"}  # lists; the others name one

# By their names: services never import each other, and this test stands in for the network between.
entitlements, rma, ecps, onsite = (
    harness_fixture(importlib.import_module(f"services.{name}.app").service)
    for name in ("entitlements", "rma", "ecps", "onsite")
)


def bound(field: str, id: str) -> dict[str, Any]:
    return {field: [id] if field in BOUND else id}


async def asked(gateway: Harness, role: str, **fields: Any) -> httpx.Response:
    return await gateway.post("/v1/clients", {"name": f"a {role}", "role": role, **fields}, role="admin")


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_client_whose_role_sees_rows_by_a_binding_names_one(gateway: Harness, role: str) -> None:
    answer = await asked(gateway, role)

    if field := NEEDED.get(role):
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert (await gateway.get("/v1/clients", role="admin")).json()["items"] == []
    else:
        assert answer.status_code == 201


@pytest.mark.parametrize("field", sorted(OWNERS))
@pytest.mark.parametrize("role", ["customer", "depot", "engineer", "partner", "technician"])
async def test_what_its_owner_does_not_know_is_refused_by_name(gateway: Harness, role: str, field: str) -> None:
    fine = bound(NEEDED[role], str(uuid4())) if role in NEEDED else {}

    answer = await asked(gateway, role, **(fine | bound(field, NOBODY)))

    assert (answer.status_code, answer.json()["field"], answer.json()["id"]) == (422, field, NOBODY)


@pytest.mark.parametrize("role", sorted(NEEDED))
async def test_a_change_cannot_take_the_binding_away_nor_name_what_is_not(gateway: Harness, role: str) -> None:
    field = NEEDED[role]
    client = (await asked(gateway, role, **bound(field, str(uuid4())))).json()
    path = f"/v1/clients/{client['id']}"
    etag = (await gateway.get(path, role="admin")).headers["etag"]

    nothing: dict[str, Any] = {field: [] if field in BOUND else None}
    for changed in (nothing, bound(field, NOBODY)):
        answer = await gateway.patch(path, changed, etag=etag, role="admin")
        assert (answer.status_code, answer.json()["field"]) == (422, field), changed
    assert (await gateway.get(path, role="admin")).json()[field] == client[field]
    assert (await gateway.patch(path, bound(field, str(uuid4())), etag=etag, role="admin")).status_code == 200


@pytest.mark.parametrize("field", sorted(OWNERS))
async def test_while_the_owner_is_down_nobody_is_bound_and_the_caller_is_told_when_to_try(
    gateway: Harness, field: str
) -> None:
    service = OWNERS[field][0]
    upstreams: Upstreams = gateway.app.state.owners._upstreams
    upstreams.urls |= {service: "http://127.0.0.1:9"}  # nobody listens there

    answer = await asked(gateway, "engineer", **bound(field, str(uuid4())))

    assert (answer.status_code, answer.json()["dependency"]) == (503, service)
    assert int(answer.headers["retry-after"]) > 0
    assert (await gateway.get("/v1/clients", role="admin")).json()["items"] == []


async def test_owners_who_take_long_are_not_waited_for_while_a_transaction_is_open(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.use_cases.bindings.ALL_SECONDS", 0.5, raising=False)
    app = FastAPI()

    @app.get("/v1/accounts/{id}")
    async def slow(id: UUID) -> None:
        await asyncio.sleep(0.4)

    async with serving(app) as owner:
        gateway.app.state.owners._upstreams.urls |= {"entitlements": owner.url}
        answer = await asked(gateway, "engineer", accounts=[str(uuid4()) for _ in range(64)])

    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert (await gateway.get("/v1/clients", role="admin")).json()["items"] == []


async def test_an_owner_that_has_failed_is_asked_no_further(gateway: Harness) -> None:
    app, heard, before = FastAPI(), list[UUID](), asyncio.all_tasks()

    @app.get("/v1/accounts/{id}")
    async def fails(id: UUID) -> Response:
        heard.append(id)
        return Response(status_code=500)

    async with serving(app) as owner:
        gateway.app.state.owners._upstreams.urls |= {"entitlements": owner.url}
        answer = await asked(gateway, "engineer", accounts=[str(uuid4()) for _ in range(500)])
        assert (answer.status_code, answer.json()["dependency"]) == (503, "entitlements")
        if left := [each for each in asyncio.all_tasks() - before if "known" in repr(each.get_coro())]:
            await asyncio.wait(left)

    assert len(heard) < 100


async def test_a_repeated_request_asks_nobody_again(gateway: Harness) -> None:
    body = {"name": "HCM", "role": "depot", "depots": [str(uuid4())]}
    first = await gateway.post("/v1/clients", body, role="admin", key="k")
    gateway.app.state.owners._upstreams.urls |= {"rma": "http://127.0.0.1:9"}

    again = await gateway.post("/v1/clients", body, role="admin", key="k")

    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)


async def test_the_owners_themselves_know_what_is_theirs_and_nothing_else(
    gateway: Harness, entitlements: Harness, rma: Harness, ecps: Harness, onsite: Harness
) -> None:
    async with AsyncExitStack() as stack:
        urls = {}
        for harness in (entitlements, rma, ecps, onsite):
            app = harness.service.app(harness.database, Verifier(KEY.public))
            urls[harness.service.name] = (await stack.enter_async_context(serving(app))).url
        upstreams = Upstreams(urls, seconds=10, max_body=2**20)
        stack.push_async_callback(upstreams.close)
        gateway.app.state.owners = AskOwners(upstreams, KEY)

        for field, id in (await theirs(entitlements, rma, ecps, onsite)).items():
            assert (await asked(gateway, "engineer", **bound(field, id))).status_code == 201, field
            answer = await asked(gateway, "engineer", **bound(field, str(uuid4())))
            assert (answer.status_code, answer.json()["field"]) == (422, field)


async def theirs(entitlements: Harness, rma: Harness, ecps: Harness, onsite: Harness) -> dict[str, str]:
    """One of each that a client can be bound to, made by its owner."""
    windows = [{"weekdays": [0], "opens": "08:00", "closes": "17:00"}]
    calendar = await made(rma, "depot-calendars", name="HCM", data={"time_zone": "UTC", "windows": windows})
    return {
        "accounts": await made(entitlements, "accounts", name="Sao Mai", country="VN", time_zone="UTC"),
        "depots": await made(rma, "depots", code="HCM", name="HCM", country="VN", calendar_id=calendar),
        "partner_id": await made(ecps, "partners", code="cloud", name="Cloud", contact={"name": "help"}),
        "technician_id": await made(
            onsite,
            "technicians",
            name="An",
            time_zone="UTC",
            authorisations=[{"family": "Studio"}],
            territories=[{"country": "VN"}],
        ),
    }


async def made(owner: Harness, plural: str, **body: Any) -> str:
    answer = await owner.post(f"/v1/{plural}", body, role="admin")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
