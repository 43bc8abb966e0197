"""Clients: made, changed, given new secrets and disabled by an admin, and by nobody else."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.gateway import Bound, ClientChanged, ClientCreated, ClientDisabled
from libs.kit.auth import ROLES
from services.gateway.identity.secrets import matches
from services.gateway.model.client import Client
from services.gateway.use_cases.bootstrap_admin import bootstrap_admin
from tests.support.harness import Harness

A_CLIENT: dict[str, Any] = {"name": "Reseller's ERP", "role": "reseller", "accounts": [str(uuid4())]}


async def made(gateway: Harness, **fields: object) -> dict[str, object]:
    answer = await gateway.post("/v1/clients", {**A_CLIENT, **fields}, role="admin")
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found


async def stored(gateway: Harness, client_id: object) -> Client:
    async with gateway.transaction() as tx:
        return await Client.get(UUID(str(client_id)), tx)


async def test_a_client_is_made_with_a_secret_that_is_shown_once(gateway: Harness) -> None:
    account = str(uuid4())
    client = await made(gateway, accounts=[account], why="new contract")
    assert client["accounts"] == [account]
    kept = await stored(gateway, client["id"])
    assert await matches(str(client["secret"]), kept.secret_hash)
    assert str(client["secret"]) not in repr(vars(kept))
    assert [(c.what, c.why) for c in kept.history] == [("created", "new contract")]
    shown = await gateway.get(f"/v1/clients/{client['id']}", role="admin")
    assert "secret" not in shown.json()


async def test_a_repeated_request_gets_the_same_bytes_and_the_secret_is_not_kept_in_clear(gateway: Harness) -> None:
    first = await gateway.post("/v1/clients", A_CLIENT, role="admin", key="k1")
    again = await gateway.post("/v1/clients", A_CLIENT, role="admin", key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    async with gateway.transaction() as tx:
        kept = await tx.connection.fetch("SELECT body FROM idempotency_keys")
        assert await tx.connection.fetchval("SELECT count(*) FROM clients") == 1
    assert first.json()["secret"].encode() not in kept[0]["body"]


@pytest.mark.parametrize("role", sorted(ROLES - {"admin"}))
async def test_only_an_admin_has_to_do_with_clients(gateway: Harness, role: str) -> None:
    client = await made(gateway)
    path = f"/v1/clients/{client['id']}"
    answers = [
        await gateway.post("/v1/clients", A_CLIENT, role=role),
        await gateway.get("/v1/clients", role=role),
        await gateway.get(path, role=role),
        await gateway.patch(path, {"name": "x"}, etag='"0"', role=role),
        await gateway.post(f"{path}/secret", {}, role=role),
        await gateway.request("DELETE", path, role=role),
    ]
    assert [answer.status_code for answer in answers] == [403] * 6


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "", "role": "ops"},
        {"name": "x", "role": "root"},
        {**A_CLIENT, "secret_hash": "x"},
        {**A_CLIENT, "accounts": ["x"]},
        {**A_CLIENT, "requests_per_second": 0},
        {**A_CLIENT, "disabled_at": None},
    ],
)
async def test_a_client_that_makes_no_sense_is_refused(gateway: Harness, body: dict[str, object]) -> None:
    assert (await gateway.post("/v1/clients", body, role="admin")).status_code == 422
    assert (await gateway.get("/v1/clients", role="admin")).json()["items"] == []


@pytest.mark.parametrize("chosen", [{"id": str(uuid4())}, {"secret": "a secret made beforehand, long enough"}])
@pytest.mark.parametrize("sandbox", ["0", "1"])
async def test_nobody_chooses_an_id_or_a_secret(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], sandbox: str
) -> None:
    monkeypatch.setenv("POLYPLUS_SANDBOX", sandbox)
    assert (await gateway.post("/v1/clients", A_CLIENT | chosen, role="admin")).status_code == 422
    assert (await gateway.get("/v1/clients", role="admin")).json()["items"] == []


async def test_a_change_takes_what_is_given_and_leaves_the_rest(gateway: Harness) -> None:
    account, depots = str(uuid4()), [str(uuid4()), str(uuid4())]
    client = await made(gateway, accounts=[account], depots=depots)
    path = f"/v1/clients/{client['id']}"
    etag = (await gateway.get(path, role="admin")).headers["etag"]
    answer = await gateway.patch(
        path, {"depots": depots[1:], "requests_per_second": 5, "why": "moved"}, etag=etag, role="admin"
    )
    assert answer.status_code == 200
    assert (answer.json()["accounts"], answer.json()["depots"]) == ([account], depots[1:])
    assert answer.json()["history"][-1]["what"] == "changed depots, requests_per_second"
    assert (await gateway.patch(path, {"name": "y"}, etag=etag, role="admin")).status_code == 412
    assert (await gateway.patch(path, {"why": "nothing"}, etag=etag, role="admin")).status_code == 422
    assert (await gateway.patch(path, {"role": "admin"}, etag=etag, role="admin")).status_code == 422


async def test_a_new_secret_ends_the_old_one(gateway: Harness) -> None:
    client = await made(gateway)
    answer = await gateway.post(f"/v1/clients/{client['id']}/secret", {"why": "leaked"}, role="admin")
    kept = await stored(gateway, client["id"])
    assert kept.secret_generation == 2
    assert await matches(answer.json()["secret"], kept.secret_hash)
    assert not await matches(str(client["secret"]), kept.secret_hash)


async def test_a_disabled_client_stays_disabled(gateway: Harness) -> None:
    client = await made(gateway)
    path = f"/v1/clients/{client['id']}"
    for _ in range(2):
        assert (await gateway.request("DELETE", f"{path}?why=left", role="admin")).status_code == 204
    kept = await stored(gateway, client["id"])
    assert [c.what for c in kept.history] == ["created", "disabled"]
    refused = [
        await gateway.patch(path, {"name": "y"}, etag='"1"', role="admin"),
        await gateway.post(f"{path}/secret", {}, role="admin"),
    ]
    assert [(r.status_code, r.json()["state"], r.json()["possible"]) for r in refused] == [(409, "disabled", [])] * 2


async def test_the_last_admin_is_not_disabled(gateway: Harness) -> None:
    first, second = await made(gateway, role="admin"), await made(gateway, role="admin")
    assert (await gateway.request("DELETE", f"/v1/clients/{first['id']}", role="admin")).status_code == 204
    assert (await gateway.request("DELETE", f"/v1/clients/{second['id']}", role="admin")).status_code == 409


async def test_clients_are_listed_in_pages_and_filtered(gateway: Harness) -> None:
    ids = [(await made(gateway))["id"] for _ in range(3)]
    await made(gateway, role="ops")
    await gateway.request("DELETE", f"/v1/clients/{ids[0]}", role="admin")
    first = (await gateway.get("/v1/clients?limit=2&role=reseller", role="admin")).json()
    rest = (await gateway.get(f"/v1/clients?limit=2&role=reseller&cursor={first['next_cursor']}", role="admin")).json()
    assert sorted(c["id"] for c in first["items"] + rest["items"]) == sorted(map(str, ids))
    assert [c["id"] for c in (await gateway.get("/v1/clients?disabled=true", role="admin")).json()["items"]] == [ids[0]]


async def test_what_is_not_there_is_not_found(gateway: Harness) -> None:
    path = f"/v1/clients/{uuid4()}"
    assert (await gateway.get(path, role="admin")).status_code == 404
    assert (await gateway.request("DELETE", path, role="admin")).status_code == 404
    assert (await gateway.post(f"{path}/secret", {}, role="admin")).status_code == 404


async def test_the_first_admin_is_made_once_and_keeps_its_secret(gateway: Harness) -> None:
    admin = uuid4()
    for secret in ("first", "second"):
        await bootstrap_admin(gateway.database, admin, secret)
    kept = await stored(gateway, admin)
    assert kept.role == "admin"
    assert await matches("first", kept.secret_hash)
    assert [(e.client_id, e.by) for e in await gateway.events(ClientCreated)] == [(admin, "system:installation")]


async def test_all_that_becomes_of_a_client_is_told_and_nobody_is_named(gateway: Harness) -> None:
    """What stands in the audit log; its name and the reasons that people gave stay here."""
    account, depot = uuid4(), uuid4()
    client = await made(gateway, name="Trần Thị Bình", accounts=[str(account)], why="Bình needs it")
    path = f"/v1/clients/{client['id']}"
    await gateway.patch(path, {"depots": [str(depot)], "name": "Bình"}, etag='"0"', role="admin")
    await gateway.patch(path, {"depots": [str(depot)]}, etag='"1"', role="admin")
    await gateway.post(f"{path}/secret", {}, role="admin")
    for _ in range(2):
        await gateway.request("DELETE", f"{path}?why=Bình+left", role="admin")
    [created], [disabled] = await gateway.events(ClientCreated), await gateway.events(ClientDisabled)
    changed, rotated = await gateway.events(ClientChanged)
    assert (str(created.client_id), created.role) == (client["id"], "reseller")
    assert created.bound == Bound(accounts=[account])
    assert (changed.changed, changed.bound) == (["depots", "name"], Bound(accounts=[account], depots=[depot]))
    assert rotated.changed == ["secret"]
    assert created.by.startswith("admin:")
    assert {each.by for each in (changed, rotated, disabled)} == {created.by}
    rows = await gateway.outbox()
    assert [row["version"] for row in rows] == [1, 2, 3, 4]
    assert not any("Bình".encode() in row["data"] for row in rows)
