"""Requests through the door, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from deploy.local.waiting import until_async
from libs.kit.auth import Verifier, mint
from libs.kit.edge import Limits
from libs.kit.problems import Unauthenticated, Unavailable
from services.gateway import routes
from services.gateway.door.limits import Buckets
from services.gateway.identity import directory as directory_module
from services.gateway.identity.access_tokens import Access, AccessTokens
from services.gateway.identity.directory import Directory
from services.gateway.identity.keys import SigningKey
from services.gateway.model.client import Client
from services.gateway.tests.stage import ISSUER, KEY, Stage
from tests.support.at_the_edge import connect, say, status


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """What the service got."""
    return dict(answer.json()["headers"])


@pytest.mark.promise("C3", "C4")
@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/accounts", "entitlements"), ("/v1/coverage", "entitlements"), ("/v1/cases", "cases"),
        (f"/v1/cases/{UUID(int=1)}/diagnoses", "cases"), (f"/v1/cases/{UUID(int=1)}/timeline", "activity"), ("/v1/events", "activity"),
        ("/v1/rmas/7/ship", "rma"), ("/v1/policies", "escalation"), ("/v1/rma-policies", "rma"), ("/v1/partners", "ecps"),
        ("/v1/work-orders/1/slots", "onsite"), ("/v1/escalation-dry-runs", "escalation"),
    ],
)  # fmt: skip
async def test_each_path_is_answered_by_the_service_that_owns_it(stage: Stage, path: str, service: str) -> None:
    answer = await (await stage.client()).get(f"{path}?a=%2F&b=%C3%A9")
    assert answer.status_code == 200
    assert (answer.json()["service"], answer.json()["path"], answer.json()["query"]) == (
        service,
        path,
        "a=%2F&b=%C3%A9",
    )


async def test_the_service_is_told_who_calls_by_a_token_that_it_can_verify(stage: Stage) -> None:
    account = uuid4()
    answer = await (await stage.client("customer", accounts=[account])).get("/v1/cases")
    principal = Verifier(KEY.public).principal(headers_of(answer)["authorization"])
    assert (principal.role, principal.accounts, principal.staff) == ("customer", frozenset({account}), False)


async def test_nothing_that_a_caller_says_of_itself_reaches_a_service(stage: Stage) -> None:
    forged = mint(
        Verifier(KEY.public).principal(headers_of(await (await stage.client()).get("/v1/cases"))["authorization"]),
        KEY.private,
    )
    smuggled = {
        "X-Polyplus-Role": "admin", "x_polyplus_role": "admin", "X-Internal-Token": forged, "Proxy-Authorization": forged,
        "X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1", "Connection": "keep-alive, x-named", "X-Named": "1",
        "Cookie": "a=b", "TE": "trailers", "Keep-Alive": "timeout=9",
    }  # fmt: skip
    client = await stage.client("customer")
    answer = await client.get("/v1/cases", headers=smuggled)
    sent = headers_of(answer)
    assert set(sent) <= {
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "traceparent",
        "authorization",
        "x-request-id",
    }
    assert Verifier(KEY.public).principal(sent["authorization"]).role == "customer"
    assert sent["host"] == stage.urls["cases"].removeprefix("http://").partition("/")[0]
    doubled = await client.get(
        "/v1/cases", headers=[("authorization", client.headers["authorization"]), ("authorization", f"Bearer {forged}")]
    )
    assert [v for n, v in doubled.json()["headers"] if n == "authorization"] == [sent["authorization"]]


async def test_what_a_service_needs_goes_through(stage: Stage) -> None:
    wanted = {
        "idempotency-key": "k", "if-match": '"3"', "accept-language": "vi", "last-event-id": "7", "content-type": "application/json",
        "webhook-signature": "v1,abc", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }  # fmt: skip
    answer = await (await stage.client()).post("/v1/cases", headers=wanted, content=b'{"a": 1}')
    sent = headers_of(answer)
    assert answer.json()["body"] == '{"a": 1}'
    assert {name: sent[name] for name in wanted if name != "traceparent"} == {
        n: v for n, v in wanted.items() if n != "traceparent"
    }
    assert sent["traceparent"].split("-")[1] == "a" * 32


@pytest.mark.parametrize("given", [None, "rubbish", f"00-{'0' * 32}-{'b' * 16}-01"])
async def test_a_request_without_a_trace_gets_one(stage: Stage, given: str | None) -> None:
    answer = await (await stage.client()).get("/v1/cases", headers={"traceparent": given} if given else {})
    assert len(headers_of(answer)["traceparent"]) == 55


async def test_the_caller_gets_the_service_s_answer_and_nothing_of_the_inside(stage: Stage) -> None:
    answer = await (await stage.client()).get("/v1/cases/told")
    assert (answer.status_code, answer.headers["etag"]) == (201, '"7"')
    assert not {"x-polyplus-secret", "x-internal-hint", "server", "x-hop"} & set(answer.headers)
    redirect = await (await stage.client()).get("/v1/accounts/redirect")
    assert (redirect.status_code, redirect.headers["location"]) == (307, "/v1/accounts/elsewhere")


@pytest.mark.parametrize(
    "path",
    ["/v1/nothing", "/v1/", "/v1/internal/feed", "/internal/feed", "/v1/cases/../../internal/feed", "/v1/events/%2e%2e/internal",
     "/v1/cases//x", "/v1/cases/", "/v1/cases/..%2f..%2finternal/feed", "/v1/metrics", "/V1/cases", "/nothing"],
)  # fmt: skip
async def test_a_path_that_nobody_owns_is_a_problem(stage: Stage, path: str) -> None:
    status, content_type, _ = await raw(
        stage, f"GET {path} HTTP/1.1", authorization=(await stage.client()).headers["authorization"]
    )
    assert (status, content_type) == (404, "application/problem+json")
    assert stage.seen == []


async def raw(stage: Stage, request_line: str, **headers: str) -> tuple[int, str, bytes]:
    """The answer to a request that no client library would send."""
    host, port = stage.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [
        request_line,
        f"host: {host}",
        "connection: close",
        *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items()),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
    writer.close()
    found = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
    return int(head.split()[1]), found.get("content-type", ""), body


@pytest.mark.parametrize(
    "request_line",
    [
        "TRACE /v1/cases HTTP/1.1",
        "PROPFIND /v1/cases HTTP/1.1",
        "DELETE /oauth/token HTTP/1.1",
        "PUT /v1/clients HTTP/1.1",
    ],
)
async def test_a_method_that_is_not_spoken_is_a_problem(stage: Stage, request_line: str) -> None:
    status, content_type, _ = await raw(
        stage, request_line, authorization=(await stage.client("admin")).headers["authorization"]
    )
    assert (status, content_type) == (405, "application/problem+json")


def forgeries() -> dict[str, str]:
    """Tokens that look as if."""
    client, other = uuid4(), SigningKey(Ed25519PrivateKey.generate())
    claims = {"iss": ISSUER, "aud": "polyplus", "sub": str(client), "gen": 1, "iat": 1, "exp": 2**31}

    def signed(key: SigningKey = KEY, **changed: object) -> str:
        return jwt.encode({**claims, **changed}, key.private, "EdDSA", {"typ": "at+jwt"})

    good = signed()
    head, body, signature = good.split(".")
    return {
        "none": jwt.encode(claims, "", "none", {"typ": "at+jwt"}),
        "hmac with the public key": jwt.encode(claims, KEY.id, "HS256", {"typ": "at+jwt"}),
        "another key": signed(other),
        "another audience": signed(aud="polyplus-internal"),
        "another issuer": signed(iss="http://elsewhere"),
        "expired": signed(exp=1000),
        "no end": jwt.encode({n: v for n, v in claims.items() if n != "exp"}, KEY.private, "EdDSA", {"typ": "at+jwt"}),
        "no generation": jwt.encode(
            {n: v for n, v in claims.items() if n != "gen"}, KEY.private, "EdDSA", {"typ": "at+jwt"}
        ),
        "another type": jwt.encode(claims, KEY.private, "EdDSA"),
        "signature cut": f"{head}.{body}.",
        "signature changed": f"{head}.{body}.{'A' * len(signature)}",
        "a client that is not": good,
        "not a token": "x",
    }


@pytest.mark.parametrize("how", sorted(forgeries()))
async def test_a_token_that_is_not_ours_opens_nothing(stage: Stage, how: str) -> None:
    http = await stage.http(authorization=f"Bearer {forgeries()[how]}")
    for path in ("/v1/cases", "/v1/clients", "/v1/events/stream"):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert stage.seen == []


async def test_an_internal_token_does_not_open_the_door(stage: Stage) -> None:
    internal = headers_of(await (await stage.client("admin")).get("/v1/cases"))["authorization"]
    assert (await (await stage.http(authorization=internal)).get("/v1/clients")).status_code == 401


@pytest.mark.parametrize("authorization", [None, "Basic eA==", "bearer", "Token x"])
async def test_without_a_token_nothing_but_what_is_public_is_open(stage: Stage, authorization: str | None) -> None:
    http = await stage.http(**({"authorization": authorization} if authorization else {}))
    for path in ("/v1/cases", "/v1/clients", "/v1/events/stream", "/v1/events"):
        assert (await http.get(path)).status_code == 401
    for path in ("/", "/docs", "/openapi.json", "/asyncapi.json", "/healthz", "/readyz", "/.well-known/jwks.json"):
        assert (await http.get(path)).status_code == 200
    for path, service in (("/v1/carrier-events", "rma"), ("/v1/partner-events/x", "ecps")):
        answer = await http.post(path, content=b"{}", headers={"webhook-id": "w1"})
        assert answer.json()["service"] == service
        assert "authorization" not in headers_of(answer)
        assert headers_of(answer)["webhook-id"] == "w1"


async def test_a_client_that_is_disabled_or_has_a_new_secret_is_soon_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.identity.directory.FRESH_SECONDS", 0.0)
    for end in ("disable", "rotate"):
        client_id = await stage.make()
        http = await stage.http(authorization=f"Bearer {stage.token(client_id)}")
        assert (await http.get("/v1/cases")).status_code == 200
        if end == "disable":
            await stage.gateway.request("DELETE", f"/v1/clients/{client_id}", role="admin")
        else:
            await stage.gateway.post(f"/v1/clients/{client_id}/secret", {}, role="admin")
        assert (await http.get("/v1/cases")).status_code == 401


async def test_a_client_is_not_read_for_each_request(stage: Stage) -> None:
    client_id = await stage.make()
    http = await stage.http(authorization=f"Bearer {stage.token(client_id)}")
    assert (await http.get("/v1/cases")).status_code == 200
    await stage.gateway.request("DELETE", f"/v1/clients/{client_id}", role="admin")
    answers = await asyncio.gather(*(http.get("/v1/cases") for _ in range(10)))
    assert len({headers_of(a)["authorization"] for a in answers if a.status_code == 200}) <= 1


async def test_the_clients_api_stands_behind_the_door_as_any_other(stage: Stage) -> None:
    admin = await stage.client("admin")
    answer = await admin.post("/v1/clients", json={"name": "x", "role": "ops"}, headers={"idempotency-key": "k"})
    assert answer.status_code == 201
    assert "ratelimit" in answer.headers
    assert (await admin.post("/v1/clients", json={"name": "x", "role": "ops"})).status_code == 400
    forged = {"x-polyplus-role": "admin"}
    assert (await (await stage.client("customer")).get("/v1/clients", headers=forged)).status_code == 403
    assert (await admin.get("/v1/clients/none")).status_code == 422


async def test_a_body_may_be_large_but_not_too_large(stage: Stage) -> None:
    door = await stage.open(max_body_bytes=1_000_000)
    authorization = (await stage.client()).headers["authorization"]
    http = await stage.http(door.url, authorization=authorization)

    async def in_chunks(n: int) -> AsyncIterator[bytes]:
        for _ in range(n):
            yield b"x" * 100_000

    assert (await http.post("/v1/cases", content=b"x" * 900_000)).json()["size"] == 900_000
    assert (await http.post("/v1/cases", content=in_chunks(9))).json()["size"] == 900_000
    for content in (b"x" * 1_000_001, in_chunks(11)):
        answer = await http.post("/v1/cases", content=content)
        assert (answer.status_code, answer.json()["limit"]) == (413, 1_000_000)
    assert (await http.post("/v1/clients", content=b"x" * 1_100_000)).status_code == 413


async def test_a_large_answer_comes_as_it_is_made(stage: Stage) -> None:
    answer = await (await stage.client()).get("/v1/cases/large")
    assert len(answer.content) == 64 * 65536


async def test_who_asks_too_often_is_told_when_to_come_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.door.door.Buckets", lambda: Buckets(clock=lambda: 0.0))
    door = await stage.open()
    slow, other = await stage.client(url=door.url, requests_per_second=1), await stage.client(url=door.url)
    answers = [await slow.get("/v1/cases") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["ratelimit"] for a in answers[:2]] == ['"client";r=1;t=1', '"client";r=0;t=2']
    assert answers[0].headers["ratelimit-policy"] == '"client";q=2;w=2'
    assert (answers[2].headers["retry-after"], answers[2].headers["content-type"]) == ("1", "application/problem+json")
    assert (await other.get("/v1/cases")).status_code == 200


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
        "rma": (503, {"status": "not ready", "checks": {"database": "ok", "consumer": "10 keys"}, "degraded": {"consumer": "halted: 10 keys"}}),
        "cases": (200, {"status": "degraded", "checks": {"database": "ok"}, "degraded": {"consumer": "degraded: 1 keys are parked"}}),
        "ecps": (503, {"status": "not ready", "checks": {"database": "ok", "relay": "stuck"}}),
        "onsite": (200, {"status": "ready", "checks": {"database": "ok"}}),
    }  # fmt: skip
    for name, (code, said) in states.items():
        await stage.start(name, saying(code, said))
    door = await stage.open()
    answer = await (await stage.http(door.url)).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    services = answer.json()["services"]
    assert {name: services[name] for name in states} == {
        "rma": "halted: 10 keys", "cases": "degraded: 1 keys are parked", "ecps": "not ready: relay", "onsite": "ok",
    }  # fmt: skip


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


async def test_metrics_and_health_have_a_port_of_their_own_that_is_outside_the_limits(stage: Stage) -> None:
    assert (await (await stage.http()).get("/metrics")).status_code == 404
    door, ops = await stage.open_with_ops(limits=Limits(strangers_per_address=2, youngest=60.0))
    port = int(door.url.rpartition(":")[2])
    idle = [await connect(port) for _ in range(2)]
    assert status(await say(port)) == 429
    http = await stage.http(ops.url)
    answers = {path: await http.get(path) for path in ("/metrics", "/healthz", "/readyz")}
    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/metrics": 200,
        "/healthz": 200,
        "/readyz": 200,
    }
    assert 'polyplus_gateway_refused_total{why="address"}' in answers["/metrics"].text
    assert (await http.get("/v1/cases")).status_code == 404
    door.stopping.set()
    assert [(await http.get(path)).status_code for path in ("/healthz", "/readyz")] == [200, 503]
    for _, writer in idle:
        writer.transport.abort()


async def test_an_unforeseen_error_says_nothing_of_the_inside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> str:
        raise RuntimeError("secret detail")

    http = await stage.client()
    monkeypatch.setattr(routes, "owner", broken)
    answer = await http.get("/v1/cases")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret detail" not in answer.text


async def test_a_database_that_stands_still_leaves_known_callers_be_and_new_secrets_are_known_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id = await stage.make("engineer")
    directory = Directory(stage.database)
    known = await directory.caller(Access(client_id, 1, 0.0))
    async with stage.gateway.transaction() as tx:
        (await Client.get(client_id, tx, lock=True)).secret_generation = 2
    assert (await directory.caller(Access(client_id, 2, 0.0))).generation == 2
    with pytest.raises(Unauthenticated):
        await directory.caller(Access(client_id, 1, 0.0))

    async def stands_still(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(directory_module, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(directory_module, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(Client, "find", stands_still)
    assert (await directory.caller(Access(client_id, 2, 0.0))).principal == known.principal
    with pytest.raises(Unavailable):
        await directory.caller(Access(UUID(int=7), 1, 0.0))
    for task in directory._reading.values():
        task.cancel()


def test_a_token_of_a_clock_that_is_ahead_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    ahead = time.time() + 60
    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: ahead)
        token = f"Bearer {AccessTokens(KEY, ISSUER).issue(UUID(int=1), 1)}"
    assert AccessTokens(KEY, ISSUER).verify(token).client_id == UUID(int=1)


def test_a_verified_token_is_not_remembered_beyond_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    tokens = AccessTokens(KEY, ISSUER)
    token = f"Bearer {tokens.issue(UUID(int=1), 1)}"
    assert tokens.verify(token).client_id == UUID(int=1)
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Exception, match="expired"):
        tokens.verify(token)
