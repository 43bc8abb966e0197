"""Requests through the door, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from libs.kit.auth import Verifier, mint
from libs.kit.edge import Limits
from services.gateway.door.limits import Buckets
from services.gateway.tests.stage import KEY, Stage, headers_of
from tests.support.at_the_edge import connect, say, status


@pytest.mark.promise("C3", "C4")
@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/accounts", "entitlements"),
        ("/v1/coverage", "entitlements"),
        ("/v1/cases", "cases"),
        (f"/v1/cases/{UUID(int=1)}/diagnoses", "cases"),
        (f"/v1/cases/{UUID(int=1)}/timeline", "activity"),
        ("/v1/events", "activity"),
        ("/v1/rmas/7/ship", "rma"),
        ("/v1/policies", "escalation"),
        ("/v1/rma-policies", "rma"),
        ("/v1/partners", "ecps"),
        ("/v1/work-orders/1/slots", "onsite"),
        ("/v1/escalation-dry-runs", "escalation"),
    ],
)
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
        "X-Polyplus-Role": "admin",
        "x_polyplus_role": "admin",
        "X-Internal-Token": forged,
        "Proxy-Authorization": forged,
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "Connection": "keep-alive, x-named",
        "X-Named": "1",
        "Cookie": "a=b",
        "TE": "trailers",
        "Keep-Alive": "timeout=9",
    }
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
        "idempotency-key": "k",
        "if-match": '"3"',
        "accept-language": "vi",
        "last-event-id": "7",
        "content-type": "application/json",
        "webhook-signature": "v1,abc",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }
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
    [
        "/v1/nothing",
        "/v1/",
        "/v1/internal/feed",
        "/internal/feed",
        "/v1/cases/../../internal/feed",
        "/v1/events/%2e%2e/internal",
        "/v1/cases//x",
        "/v1/cases/",
        "/v1/cases/..%2f..%2finternal/feed",
        "/v1/metrics",
        "/V1/cases",
        "/nothing",
    ],
)
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
