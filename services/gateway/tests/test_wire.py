"""What comes over the wire as no client library would send it, at the real door."""

import asyncio
import gc
import io
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import structlog

from deploy.local.waiting import until_async
from libs.kit import telemetry
from libs.kit.proxies import networks
from services.gateway.tests.live import Live
from services.gateway.tests.stage import Stage
from tests.support.at_the_edge import connect, headers, say, status

FORM = (
    b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
)
BODY = b"grant_type=client_credentials"
HOST = b"Host: x\r\nConnection: close\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


def is_problem(answer: bytes) -> bool:
    return headers(answer)["content-type"] == "application/problem+json" and json.loads(
        answer.partition(b"\r\n\r\n")[2]
    )


def has_no_body(answer: bytes) -> bool:
    return answer.endswith(b"\r\n\r\n")


def is_not_chunked(answer: bytes) -> bool:
    return "transfer-encoding" not in headers(answer) and len(answer.partition(b"\r\n\r\n")[2]) == 64 * 65536


def anything(answer: bytes) -> bool:
    return bool(answer)


@pytest.mark.parametrize(
    ("said", "expected", "holds"),
    [
        pytest.param(
            b"POST /v1/cases HTTP/1.1\r\n" + HOST + CHUNKS + b"Authorization: Bearer %(token)b\r\n\r\n",
            401,
            is_problem,
            id="a token in a trailer",
        ),
        pytest.param(
            FORM + b"Content-Length: %d \t\r\n\r\n" % len(BODY) + BODY,
            401,
            anything,
            id="a length with blanks after it",
        ),
        pytest.param(
            b"GET /v1/cases HTTP/1.1\r\n" + HOST + b"Authorization: Bearer %(token)b  \r\n\r\n",
            200,
            anything,
            id="a token with blanks after it",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, is_problem, id="no Host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: y\r\n" + HOST + b"\r\n", 400, is_problem, id="two Hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, is_problem, id="a Host that is none"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", 200, anything, id="HTTP/1.0 without Host"),
        pytest.param(
            b"GET /docs/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
            404,
            is_problem,
            id="a slash more",
        ),
        pytest.param(
            b"GET /v1/cases/large HTTP/1.0\r\nAuthorization: Bearer %(token)b\r\n\r\n",
            200,
            is_not_chunked,
            id="a large answer in HTTP/1.0",
        ),
        pytest.param(
            b"POST /v1/cases HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
            is_problem,
            id="another transfer coding",
        ),
        pytest.param(b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 501, is_problem, id="a tunnel"),
        pytest.param(b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", 200, has_no_body, id="HEAD /"),
        pytest.param(b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200, has_no_body, id="HEAD /healthz"),
        pytest.param(b"HEAD /readyz HTTP/1.1\r\n" + HOST + b"\r\n", 200, has_no_body, id="HEAD /readyz"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
            200,
            anything,
            id="another protocol asked for",
        ),
        pytest.param(
            b"POST /v1/cases HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n"
            b"Authorization: Bearer %(token)b\r\nContent-Length: 2\r\n\r\n{}",
            200,
            lambda answer: b'"size": 2' in answer,
            id="another protocol asked for, with a body",
        ),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, is_problem, id="TLS"),
        pytest.param(
            b"GET http://evil.example HTTP/1.1\r\n" + HOST + b"\r\n", 400, is_problem, id="a target without a path"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            is_problem,
            id="two lengths",
        ),
    ],
)
async def test_what_is_not_right_on_the_wire_is_refused_or_read_as_it_was_meant(
    stage: Stage, lines: io.StringIO, said: bytes, expected: int, holds: Callable[[bytes], bool]
) -> None:
    token = stage.token(await stage.make())
    answer = await say(_port(stage), said.replace(b"%(token)b", token.encode()))
    assert status(answer) == expected
    assert holds(answer)
    assert len(headers(answer)["x-request-id"]) == 24
    assert (headers(answer)["x-content-type-options"], headers(answer)["cache-control"]) == ("nosniff", "no-store")
    assert [each for each in _told(lines) if each["event"] != "request"] == []


@pytest_asyncio.fixture(loop_scope="session")
async def lines() -> AsyncIterator[io.StringIO]:
    """The log of this process, as it is written; what a test before has left unclosed is told before."""
    gc.collect()
    out, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    telemetry.configure("gateway", stream=out)
    yield out
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    telemetry._quickly = None


async def test_each_request_has_an_id_of_the_servers_own_in_its_answer_its_log_line_and_at_the_service(
    stage: Stage, lines: io.StringIO
) -> None:
    client = await stage.client("engineer")
    forged = "a" * 24
    answer = await client.get("/v1/cases/told?serial=secret", headers={"x-request-id": forged})
    id = answer.headers["x-request-id"]
    assert id != forged
    assert [value for name, value in answer.json()["headers"] if name == "x-request-id"] == [id]
    told = [each for each in _told(lines) if each["event"] == "request" and each["request_id"] == id]
    assert len(told) == 1
    assert (told[0]["method"], told[0]["path"], told[0]["status"]) == ("GET", "/v1/cases/told", 201)
    assert told[0]["actor"].startswith("engineer:")
    assert told[0]["ms"] > 0
    sent = dict(answer.json()["headers"])
    assert told[0]["trace_id"] == sent["traceparent"].split("-")[1]
    assert "secret" not in lines.getvalue()


async def test_the_gateways_own_api_is_told_of_once_and_a_probe_that_is_answered_not_at_all(
    stage: Stage, lines: io.StringIO
) -> None:
    answer = await (await stage.client("admin")).get("/v1/clients")
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert (await (await stage.http()).get("/healthz")).headers["x-request-id"]
    assert [(each["path"], each["status"]) for each in _told(lines)] == [("/v1/clients", 200)]


async def test_a_caller_that_leaves_before_its_form_is_whole_is_no_error(stage: Stage, lines: io.StringIO) -> None:
    _, writer = await connect(_port(stage))
    writer.write(FORM + b"Content-Length: 100\r\n\r\ngrant")
    writer.write_eof()
    await until_async(lambda: "499" in lines.getvalue(), seconds=20, otherwise="no line tells of it")
    assert [(each["event"], each["status"]) for each in _told(lines)] == [("request", 499)]
    writer.transport.abort()


async def test_a_listener_that_asks_for_more_and_leaves_is_no_error(live: Live, lines: io.StringIO) -> None:
    ear = await live.ear()
    token = live.stage.token(await live.stage.make("ops"))
    reader, writer = await connect(int(live.url.rpartition(":")[2]))
    asks = b"GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token.encode() + b"\r\n\r\n"
    writer.write(asks % b"/v1/events/stream" + asks % b"/healthz")
    await asyncio.wait_for(reader.readuntil(b"retry: "), 20)
    writer.transport.abort()
    await live.fill(3)
    await ear.close()
    await until_async(lambda: lines.getvalue().count("/v1/events/stream") >= 2, seconds=20, otherwise="they stay")
    assert "unforeseen" not in lines.getvalue()
    assert "ASGI application" not in lines.getvalue()


async def test_public_routes_are_counted_by_the_address_that_a_trusted_proxy_tells(stage: Stage) -> None:
    door = await stage.open(requests_per_second=1, trusted_proxies=networks("X", "127.0.0.1"))
    http = await stage.http(door.url)

    async def asks(address: str) -> int:
        return (await http.post("/v1/carrier-events", content=b"{}", headers={"x-forwarded-for": address})).status_code

    assert [await asks("203.0.113.1") for _ in range(4)] == [200, 200, 429, 429]
    assert await asks("6.6.6.6, 203.0.113.1") == 429
    assert await asks("203.0.113.2") == 200


def _port(stage: Stage) -> int:
    return int(stage.url.rpartition(":")[2])


def _told(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]
