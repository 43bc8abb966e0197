"""What callers see while a service, the database or the gateway itself is in trouble."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from deploy.local.waiting import until_async
from services.gateway import routes
from services.gateway.app import facts_leave
from services.gateway.tests.stage import Stage


async def test_a_service_that_is_down_is_named_and_the_others_work_on(stage: Stage) -> None:
    await stage.start("rma", small())
    door = await stage.open()
    http = await stage.client(url=door.url)
    assert (await http.get("/v1/rmas")).status_code == 200
    await stage.stop("rma")
    for _ in range(2):
        answer = await http.get("/v1/rmas")
        assert (answer.status_code, answer.json()["dependency"]) == (503, "rma")
        assert int(answer.headers["retry-after"]) > 0
    assert (await http.get("/v1/cases")).status_code == 200
    ready = (await http.get("/readyz")).json()
    assert (ready["status"], ready["services"]["rma"] == "ok", ready["services"]["cases"]) == ("degraded", False, "ok")
    await stage.start("rma", small())
    assert (await http.get("/v1/rmas")).status_code == 200

    async def is_said_to_be_well() -> bool:
        return bool((await http.get("/readyz")).json()["services"]["rma"] == "ok")

    await until_async(is_said_to_be_well, seconds=20, otherwise="it is not said to be well")


async def test_readiness_says_which_service_has_halted_or_holds_something_back(stage: Stage) -> None:
    states: dict[str, Any] = {
        "rma": (
            503,
            {
                "status": "not ready",
                "checks": {"database": "ok", "consumer": "10 keys"},
                "degraded": {"consumer": "halted: 10 keys"},
            },
        ),
        "cases": (
            200,
            {
                "status": "degraded",
                "checks": {"database": "ok"},
                "degraded": {"consumer": "degraded: 1 keys are parked"},
            },
        ),
        "ecps": (503, {"status": "not ready", "checks": {"database": "ok", "relay": "stuck"}}),
        "onsite": (200, {"status": "ready", "checks": {"database": "ok"}}),
    }
    for name, (code, said) in states.items():
        await stage.start(name, saying(code, said))
    door = await stage.open()
    answer = await (await stage.http(door.url)).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    services = answer.json()["services"]
    assert {name: services[name] for name in states} == {
        "rma": "halted: 10 keys",
        "cases": "degraded: 1 keys are parked",
        "ecps": "not ready: relay",
        "onsite": "ok",
    }


async def test_a_door_whose_facts_do_not_leave_lets_callers_in_and_says_so(stage: Stage) -> None:
    said: list[str | None] = ["Kafka does not acknowledge"]

    async def relay() -> str | None:
        return said[0]

    door = await stage.open(troubles={"relay": relay})
    http = await stage.client(url=door.url)
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["degraded"] == {"relay": "Kafka does not acknowledge"}
    assert answer.json()["services"].keys() == {*routes.SERVICES}
    assert (await http.get("/v1/cases")).status_code == 200
    said[0] = None

    async def is_said_to_be_well() -> bool:
        return "degraded" not in (await http.get("/readyz")).json()

    await until_async(is_said_to_be_well, seconds=20, otherwise="it is not said to be well")


async def test_a_door_without_a_worker_sees_that_nobody_sends_the_facts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await facts_leave(stage.database) is None
    made = await stage.gateway.post("/v1/clients", {"name": "ERP", "role": "ops"}, role="admin")
    assert made.status_code == 201
    assert await facts_leave(stage.database) is None
    monkeypatch.setattr("services.gateway.app.LONG_SECONDS", 0.0)
    assert "no worker runs" in str(await facts_leave(stage.database))


def saying(status: int, content: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/readyz")
    async def readyz() -> Response:
        return JSONResponse(content, status)

    return app


def small() -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def anything(path: str) -> dict[str, str]:
        return {"path": path}

    return app


async def test_a_connection_that_a_service_closed_meanwhile_is_made_anew(stage: Stage) -> None:
    await stage.start("rma", small())
    http = await stage.client(url=(await stage.open()).url)
    for method, headers in (("GET", {}), ("POST", {"idempotency-key": "k"})):
        assert (await http.request(method, "/v1/parts", headers=headers)).status_code == 200
        await stage.stop("rma")
        await stage.start("rma", small())
        assert (await http.request(method, "/v1/parts", headers=headers)).status_code == 200


async def test_a_service_that_breaks_off_is_named(stage: Stage) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    stage.urls["onsite"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    door = await stage.open()
    http = await stage.http(door.url, authorization=(await stage.client()).headers["authorization"])
    for method in ("GET", "PATCH"):
        answer = await http.request(method, "/v1/technicians")
        assert (answer.status_code, answer.json()["dependency"]) == (503, "onsite")
    server.close()


async def test_a_service_that_is_too_slow_or_too_busy_is_named(stage: Stage) -> None:
    door = await stage.open(upstream_seconds=0.2)
    http = await stage.http(door.url, authorization=(await stage.client()).headers["authorization"])
    answer = await http.get("/v1/accounts/slow")
    assert (answer.status_code, answer.json()["dependency"]) == (504, "entitlements")
    answer = await (await stage.client()).get("/v1/accounts/overloaded")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


async def test_the_gateway_works_on_for_known_callers_while_its_database_is_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = await stage.client(), await stage.make()
    assert (await known.get("/v1/cases")).status_code == 200
    monkeypatch.setattr("services.gateway.identity.directory.FRESH_SECONDS", 0.0)

    def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(stage.database, "transaction", away)
    assert (await known.get("/v1/cases")).status_code == 200
    answer = await (await stage.http(authorization=f"Bearer {stage.token(unknown)}")).get("/v1/cases")
    assert (answer.status_code, answer.json()["dependency"]) == (503, "gateway database")


async def test_an_unforeseen_error_says_nothing_of_the_inside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> str:
        raise RuntimeError("secret detail")

    http = await stage.client()
    monkeypatch.setattr(routes, "owner", broken)
    answer = await http.get("/v1/cases")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret detail" not in answer.text
