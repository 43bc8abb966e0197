"""The demo data, loaded into the services' own APIs by somebody who is interrupted again and again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from deploy.local import demo, environment
from deploy.local.demo.admin import Admin
from deploy.local.demo.load import LATER, filled, natural_key, tables
from deploy.services import SERVICES
from libs.events.gateway import PersonState
from services.gateway.identity.secrets import matches
from services.gateway.model.client import Client
from tests.support.harness import Harness
from tests.support.services import behind_one_door

TABLES = [table for path in sorted(Path(demo.__file__).parent.glob("*.toml")) for table in tables(path).items()]
ROLES = {*environment.ROLES} - {"admin"}
Env = dict[str, str]


class Interrupted(Exception):
    """As Ctrl-C: the request was answered, and nobody takes the answer."""


def interrupted_at(resource: str) -> Any:
    """`Admin.post` up to the first request to this resource; those beside it are on their way."""
    post = Admin.post

    async def as_long_as_it_goes(admin: Admin, path: str, body: Mapping[str, Any], *, key: str) -> httpx.Response:
        answer = await post(admin, path, body, key=key)
        if path.endswith(resource):
            raise Interrupted
        return answer

    return as_long_as_it_goes


@pytest_asyncio.fixture(loop_scope="session")
async def place(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Env, dict[str, Harness]]]:
    """A stack's environment, as it is before anything was loaded, and the services."""
    monkeypatch.setenv("POLYPLUS_SANDBOX", "1")
    monkeypatch.setenv("POLYPLUS_SANDBOX_PEERS", "127.0.0.1:9 127.0.0.1:8")
    async with behind_one_door(postgres_url, [name for name in SERVICES if name != "activity"]) as (url, services):
        env = environment.with_credentials({})
        env |= {
            "POLYPLUS_GATEWAY_URL": url,
            "POLYPLUS_PARTNER_URL": "http://127.0.0.1:9",
            "POLYPLUS_HOME": str(tmp_path),
        }
        environment.write(tmp_path, env)
        hearing = asyncio.create_task(_hears_of_people(services))
        yield env, services
        hearing.cancel()


async def _hears_of_people(services: dict[str, Harness]) -> None:
    """What the gateway tells of people reaches who keeps a replica, as by Kafka."""
    for version in count(1):
        told = await services["gateway"].states(PersonState)
        for name in ("escalation", "onsite"):
            await services[name].learn({id: state or PersonState for id, state in told.items()}, version=version)
        await asyncio.sleep(0.1)


async def everything(env: Env) -> dict[str, list[dict[str, Any]]]:
    async with Admin.of(env) as admin:
        return {resource: await admin.all(f"/v1/{resource.partition('/')[0]}") for resource, _ in TABLES}


async def test_a_load_that_is_interrupted_anywhere_and_repeated_makes_everything_once(
    place: tuple[Env, dict[str, Harness]],
) -> None:
    env, services = place
    for resource in [*(resource for resource, _ in TABLES[::4]), "clients", "secret"]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Admin, "post", interrupted_at(f"/{resource}"))
            with pytest.raises(Interrupted):
                await demo.load(env, lambda _: None)
        env = environment.read(Path(env["POLYPLUS_HOME"]))  # what the next start knows
    await demo.load(env, lambda _: None)
    said: list[str] = []
    ids = await demo.load(env, said.append)
    assert [line for line in said[:-1] if " 0 new" not in line] == []

    found = await everything(env)
    for resource, rows in TABLES:
        times = Counter(natural_key(resource, item) for item in found[resource])
        wanted = [natural_key(resource, filled(row, env, date(2026, 1, 1), ids)) for row in rows]
        assert [times[key] for key in wanted] == [1] * len(rows), resource
    assert {partner["base_url"] for partner in found["partners"]} == {env["POLYPLUS_PARTNER_URL"], None}
    on_hand = {(stock["depot_id"], stock["part_number"]): stock["on_hand"] for stock in found["stock/goods-in"]}
    [goods] = [rows for resource, rows in TABLES if resource == "stock/goods-in"]
    assert on_hand == {
        (ids["depots"][row["depot_id"].removeprefix("{depots: ").rstrip("}")], row["part_number"]): row["quantity"]
        for row in goods
    }
    assert await logins_that_work(env, services["gateway"]) == ROLES


async def test_a_repeated_request_waits_for_the_first_which_nobody_waits_for_any_more(
    place: tuple[Env, dict[str, Harness]],
) -> None:
    env, _ = place
    row = {"name": "Najd Horizon Trading Co.", "country": "SA", "time_zone": "Asia/Riyadh", "language": "en"}
    async with Admin.of(env) as admin:
        answers = await asyncio.gather(*(admin.post("/v1/accounts", row, key="again") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_stack_that_listens_elsewhere_after_a_restart_is_found_there(
    place: tuple[Env, dict[str, Harness]],
) -> None:
    env, _ = place
    await demo.load(env, lambda _: None)
    env["POLYPLUS_PARTNER_URL"] = "http://127.0.0.1:8"
    await demo.load(env, lambda _: None)
    partners = (await everything(env))["partners"]
    assert {partner["base_url"] for partner in partners} == {"http://127.0.0.1:8", None}


async def test_those_of_our_own_people_act_for_one_of_them_also_where_their_client_was_there_before(
    place: tuple[Env, dict[str, Harness]],
) -> None:
    env, _ = place
    await demo.load(env, lambda _: None)

    async def acting() -> dict[str, str]:
        found = await everything(env)
        people = {person["id"]: person for person in found["people"]}
        assert all(c["role"] in people[c["person_id"]]["roles"] for c in found["clients"] if c["person_id"])
        return {c["role"]: people[c["person_id"]]["name"] for c in found["clients"] if c["person_id"]}

    first = await acting()
    assert first.keys() == {"engineer", "manager", "ops", "technician"}
    async with Admin.of(env) as admin:
        for client in (await everything(env))["clients"]:
            if client["person_id"]:
                await admin.change(f"/v1/clients/{client['id']}", {"person_id": None})
    assert await acting() == {}
    await demo.load(env, lambda _: None)
    assert await acting() == first


def without_what_came_later(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The files as a release of before had them."""
    return {
        resource: [{name: row[name] for name in row if name not in LATER.get(resource, ())} for row in rows]
        for resource, rows in tables(path).items()
    }


async def test_nothing_is_refused_also_where_a_release_of_before_had_loaded(
    place: tuple[Env, dict[str, Harness]], monkeypatch: pytest.MonkeyPatch
) -> None:
    env, _ = place
    refused, until_up = list[str](), Admin._until_up

    async def heard(admin: Admin, method: str, path: str, **how: Any) -> httpx.Response:
        answer = await until_up(admin, method, path, **how)
        if answer.is_error:
            refused.append(f"{method} {path} → {answer.status_code} {answer.text}")
        return answer

    monkeypatch.setattr(Admin, "_until_up", heard)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(demo.load.__globals__, "tables", without_what_came_later)
        await demo.load(env, lambda _: None)
    before = await everything(env)
    await demo.load(env, lambda _: None)
    assert refused == []
    after = await everything(env)
    for resource, names in LATER.items():
        changed = [item["id"] for item in before[resource] if any(item[name] is None for name in names)]
        rows = next(rows for each, rows in TABLES if each == resource)
        assert len(changed) >= sum(any(name in row for name in names) for row in rows) > 0
        known = {item["id"]: item for item in after[resource]}
        wanted = {natural_key(resource, row) for row in rows if any(name in row for name in names)}
        assert all(known[id][name] for id in changed for name in names if natural_key(resource, known[id]) in wanted)


async def test_a_client_whose_secret_was_not_kept_gets_a_new_one(place: tuple[Env, dict[str, Harness]]) -> None:
    env, services = place
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Admin, "post", interrupted_at("/clients"))
        with pytest.raises(Interrupted):
            await demo.load(env, lambda _: None)
    before = (await everything(env))["clients"]
    assert before
    assert [
        name for name in environment.read(Path(env["POLYPLUS_HOME"])) if "_CLIENT_" in name and "_ADMIN_" not in name
    ] == []

    await demo.load(env, lambda _: None)
    known = dict(env)
    await demo.load(env, lambda _: None)

    assert env == known == environment.read(Path(env["POLYPLUS_HOME"]))
    assert {client["id"] for client in before} < {client["id"] for client in (await everything(env))["clients"]}
    assert await logins_that_work(env, services["gateway"]) == ROLES


async def logins_that_work(env: Env, gateway: Harness) -> set[str]:
    """The roles whose secret in the environment is the client's."""
    async with gateway.transaction() as tx:
        clients = await tx.select(Client, Client.c.disabled_at.is_(None))
    found = set[str]()
    for client in clients:
        prefix = f"POLYPLUS_CLIENT_{client.role.upper()}"
        if env[f"{prefix}_ID"] == str(client.id) and await matches(env[f"{prefix}_SECRET"], client.secret_hash):
            found.add(client.role)
    return found
