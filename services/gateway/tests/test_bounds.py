"""What one caller may hold of the door and of the services behind it, however it takes its answers."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
import prometheus_client
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.waiting import until_async
from services.gateway.door.limits import AtOnce
from services.gateway.tests.live import Live
from services.gateway.tests.stage import Stage
from tests.support.serving import Served

SOON = 20.0
"""So many seconds are longer than anything here takes, and shorter than what would hold it up."""
LARGE = 200 * 1024


class Behind:
    """A service that says when: what it is asked under `held` waits for `ends`, `pour` is answered without end, `large` with a
    length, anything else at once."""

    def __init__(self) -> None:
        self.now = Counter[str]()
        self.held: dict[str, asyncio.Future[str]] = {}
        self.url = ""
        self._open = set[asyncio.StreamWriter]()

    def ends(self, id: str, how: str) -> None:
        """With an `answer`, or it `breaks` off."""
        if not self._future(id).done():
            self._future(id).set_result(how)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                kind, _, id = (
                    head.split()[1].removeprefix("/v1/rmas/").removeprefix("/v1/carrier-events/").partition("/")
                )
                if "content-length: " in head:
                    await reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
                self.now[kind] += 1
                try:
                    await self._answer(kind, id, writer)
                finally:
                    self.now[kind] -= 1
        self._open.discard(writer)
        writer.close()

    async def close(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _answer(self, kind: str, id: str, writer: asyncio.StreamWriter) -> None:
        match kind:
            case "pour":
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                while True:
                    writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
                    await writer.drain()
            case "large":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LARGE + bytes(LARGE))
            case "held" if await self._future(id) == "breaks":
                writer.close()
            case _:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")

    def _future(self, id: str) -> "asyncio.Future[str]":
        return self.held.setdefault(id, asyncio.get_running_loop().create_future())


@pytest_asyncio.fixture(loop_scope="session")
async def behind(stage: Stage) -> AsyncIterator[Behind]:
    found = Behind()
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        stage.urls["rma"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield found
        await found.close()


@pytest.fixture
def deaf() -> Iterator["list[socket.socket]"]:
    """Connections that nobody reads from."""
    found: list[socket.socket] = []
    yield found
    for each in found:
        each.close()


def asks_and_reads_nothing(door: Served, token: str, path: str, address: str = "127.0.0.1") -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.bind((address, 0))
    made.connect(("127.0.0.1", int(door.url.rpartition(":")[2])))
    named = f"authorization: Bearer {token}\r\n" if token else ""
    made.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n{named}\r\n".encode())
    return made


def is_full(answer: httpx.Response, most: int) -> bool:
    said = (answer.status_code, answer.headers["content-type"], answer.headers.get("retry-after"))
    return said == (429, "application/problem+json", "1") and answer.json()["limit"] == most


def counted(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(f"polyplus_{name}", labels) or 0.0


async def until_answered(http: httpx.AsyncClient, path: str = "/v1/rmas") -> None:
    async def is_answered() -> bool:
        return (await http.get(path)).status_code == 200

    await until_async(is_answered, seconds=SOON, otherwise="it is not answered again")


@pytest.mark.parametrize("path", ["/v1/rmas", "/v1/cases", "/v1/clients"])
async def test_a_client_at_its_bound_is_told_so_and_others_are_answered(
    stage: Stage, behind: Behind, path: str
) -> None:
    door = await stage.open(requests_in_flight=2)
    full, other = await stage.client("admin", url=door.url), await stage.client("admin", url=door.url)
    waiting = [asyncio.create_task(full.get("/v1/rmas/held/x", timeout=SOON)) for _ in range(2)]
    await until_async(lambda: behind.now["held"] == 2, seconds=SOON, otherwise="they do not come")
    before = counted("gateway_refused_total", why="client_requests")

    assert is_full(await full.get(path), 2)
    assert (await other.get(path)).status_code == 200

    assert counted("gateway_refused_total", why="client_requests") == before + 1
    behind.ends("x", "answer")
    assert [each.status_code for each in await asyncio.gather(*waiting)] == [200, 200]
    assert (await full.get(path)).status_code == 200


async def test_a_route_without_a_client_is_bounded_by_address(stage: Stage, behind: Behind) -> None:
    door = await stage.open(requests_in_flight=2)
    here = await stage.http(door.url)
    async with httpx.AsyncClient(
        base_url=door.url, transport=httpx.AsyncHTTPTransport(local_address="127.0.0.2"), trust_env=False
    ) as elsewhere:
        waiting = [asyncio.create_task(here.post("/v1/carrier-events/held/x", timeout=SOON)) for _ in range(2)]
        await until_async(lambda: behind.now["held"] == 2, seconds=SOON, otherwise="they do not come")

        assert is_full(await here.post("/v1/carrier-events"), 2)
        assert (await elsewhere.post("/v1/carrier-events")).status_code == 200
        assert (await (await stage.client(url=door.url)).get("/v1/rmas")).status_code == 200

    behind.ends("x", "answer")
    assert [each.status_code for each in await asyncio.gather(*waiting)] == [200, 200]
    assert (await here.post("/v1/carrier-events")).status_code == 200


async def test_a_client_has_so_many_streams_and_another_has_its_own(live: Live) -> None:
    await live.open(max_listeners_per_client=2)
    mine = live.stage.token(await live.stage.make("ops"))
    http = await live.stage.http(live.url, authorization=f"Bearer {mine}")
    ears = [await live.ear(token=mine) for _ in range(2)]

    refused = await http.get("/v1/events/stream")
    await live.ear()

    assert is_full(refused, 2)
    assert (await http.get("/v1/events")).status_code == 200
    await ears[0].close()
    again = await live.silent_ear(token=mine)

    async def is_taken() -> bool:
        return (await again.open()).status == 200

    await until_async(is_taken, seconds=SOON, otherwise="its place stays taken")


async def test_a_client_that_never_reads_holds_nothing_of_a_service_from_others(
    stage: Stage, behind: Behind, deaf: list[socket.socket]
) -> None:
    door = await stage.open(requests_in_flight=2, upstream_connections=3)
    token, other = stage.token(await stage.make()), await stage.client(url=door.url)
    before = counted("gateway_refused_total", why="client_requests")

    deaf += [asks_and_reads_nothing(door, token, "/v1/rmas/pour") for _ in range(6)]

    await until_async(
        lambda: counted("gateway_refused_total", why="client_requests") == before + 4,
        seconds=SOON,
        otherwise="it is not held to its bound",
    )
    assert behind.now["pour"] == 2
    assert (await other.get("/v1/rmas", timeout=SOON)).status_code == 200


async def test_an_answer_is_in_flight_until_its_caller_has_taken_it(
    stage: Stage, behind: Behind, deaf: list[socket.socket]
) -> None:
    door = await stage.open(requests_in_flight=1)
    token = stage.token(await stage.make())
    http = await stage.http(door.url, authorization=f"Bearer {token}")
    one = asks_and_reads_nothing(door, token, "/v1/rmas/large")
    deaf.append(one)
    # What the network's own buffers take is not the door's; pipelined, the same again until they are full.
    one.sendall((f"GET /v1/rmas/large HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n" * 15).encode())

    async def is_refused_for_long() -> bool:
        return all([is_full(await http.get("/v1/rmas"), 1) for _ in range(5)])

    await until_async(is_refused_for_long, seconds=SOON, otherwise="it counts with nobody")
    one.close()
    await until_answered(http)


async def test_where_all_connections_are_taken_one_is_told_so_and_the_service_is_known_to_be_well(
    stage: Stage, behind: Behind, deaf: list[socket.socket]
) -> None:
    door = await stage.open(upstream_connections=2, connect_seconds=0.5, patience_seconds=0.1)
    http = await stage.client(url=door.url)
    deaf += [asks_and_reads_nothing(door, stage.token(await stage.make()), "/v1/rmas/pour") for _ in range(2)]
    await until_async(lambda: behind.now["pour"] == 2, seconds=SOON, otherwise="they do not come")
    tries = counted("gateway_upstream_seconds_count", upstream="rma")

    answers = [await http.get("/v1/rmas", timeout=SOON) for _ in range(5)]

    assert {(each.status_code, each.headers.get("retry-after")) for each in answers} == {(503, "2")}
    assert {each.json()["dependency"] for each in answers} == {"rma"}
    assert counted("gateway_upstream_seconds_count", upstream="rma") == tries + 5
    assert (await http.get("/readyz", timeout=SOON)).json()["services"]["rma"] == "ok"
    for each in deaf:
        each.close()
    await until_answered(http)


# --- no place is lost ----------------------------------------------------------------------------------------------------

MOST = 2
KINDS = ("held", "upload", "away", "pour", "clients")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("starts"), st.integers(0, 1), st.sampled_from(KINDS)),
        st.tuples(st.sampled_from(["answer", "breaks", "cancelled", "left"]), st.integers(0, 5), st.just("")),
    ),
    min_size=4,
    max_size=20,
)


class Call:
    """One request, as the server hands it to the door."""

    def __init__(self, app: Any, kind: str, token: str) -> None:
        self.id, self.kind, self.status = uuid4().hex, kind, 0
        self._may_go_on, self._left, self._asked = asyncio.Event(), False, False
        path = {"away": "/v1/partners", "clients": "/v1/clients"}.get(kind, f"/v1/rmas/{kind}/{self.id}")
        headers = [(b"authorization", f"Bearer {token}".encode())]
        headers += [(b"content-length", b"9")] if kind == "upload" else []
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST" if kind == "upload" else "GET",
            "path": path,
            "scheme": "http",
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("x", 80),
            "root_path": "",
            "state": {"request_id": self.id},
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self.kind == "upload" or self._asked:
            await self._may_go_on.wait()
        if self._left or self._asked:
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"some body" if self.kind == "upload" else b""}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        if self.kind == "pour" and message.get("more_body"):
            await self._may_go_on.wait()

    def goes_on(self, *, left: bool) -> None:
        self._left = left
        self._may_go_on.set()


def bound_of(door: Served) -> AtOnce:
    found: AtOnce = door.config.app._app._in_flight  # type: ignore[union-attr]
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps)
async def test_places_are_held_by_those_in_flight_and_by_nobody_else(
    stage: Stage, behind: Behind, story: list[tuple[str, int, str]]
) -> None:
    """However requests begin, are answered, break off, are cancelled or lose their caller, in any order."""
    stage.urls["ecps"] = "http://127.0.0.1:9"
    async with stage.door(requests_in_flight=MOST) as door:
        bound, tokens = bound_of(door), [stage.token(await stage.make("admin")) for _ in range(2)]
        running: list[tuple[int, Call]] = []

        async def settled() -> None:
            def are_as_many() -> bool:
                assert all(n <= MOST for n in bound._held.values())
                return bound.total == len(running)

            await until_async(are_as_many, seconds=SOON, otherwise="places are held by nobody, or by too many")

        async def ends(call: Call, how: str) -> None:
            call.goes_on(left=how == "left")
            behind.ends(call.id, how)
            if how == "cancelled" or (call.kind == "pour" and how != "left"):
                call.task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(call.task, SOON)

        try:
            for what, n, kind in story:
                if what == "starts":
                    call, held = Call(door.config.app, kind, tokens[n]), sum(whose == n for whose, _ in running)
                    if held == MOST or kind in ("away", "clients"):
                        await asyncio.wait_for(call.task, SOON)
                        assert call.status == (429 if held == MOST else 503 if kind == "away" else 200)
                    else:
                        running.append((n, call))
                elif running:
                    await ends(running.pop(n % len(running))[1], what)
                await settled()
        finally:
            for _, call in running:
                await ends(call, "answer")
        running.clear()
        await settled()
        assert not bound._held
