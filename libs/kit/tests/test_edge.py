"""The edge against what strangers do, on real sockets, with its seconds divided by fifty."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

from deploy.local.waiting import until_async
from libs.kit.edge import Edge, Limits
from libs.kit.proxies import networks
from tests.support.at_the_edge import Stranger, at_the_edge, connect, drips, ended, headers, say, status

FAST = Limits().faster(50)
GET = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
LARGE = 16 * 2**20  # more than the network's own buffers take
LAST = b"Connection: close\r\n"
POST = b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n"


class App:
    """`/read` takes the body, `/quick` does not, `/large` is much at once, `/pour` without end, `/wait` until its caller has left."""

    def __init__(self) -> None:
        self.left = 0
        self.may_read: asyncio.Event | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match scope["path"]:
            case "/known":
                scope["state"]["caller_known"]("somebody")
            case "/known-late":
                while (await receive())["type"] != "http.disconnect":
                    pass
                scope["state"]["caller_known"]("somebody")
                self.left += 1
                return
            case "/large":
                await _start(send)
                await send({"type": "http.response.body", "body": bytes(LARGE)})
                return
            case "/pour":
                await _start(send)
                for _ in range(1000):
                    await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
                return
            case "/wait":
                await _start(send)
                await send({"type": "http.response.body", "body": b"here", "more_body": True})
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.left += 1
                return
            case "/read" | "/late":
                if scope["path"] == "/late":
                    await asyncio.sleep(3 * FAST.body_window)
                size, more = 0, True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        self.left += 1
                        return
                    size, more = size + len(message["body"]), message["more_body"]
                await _start(send)
                await send({"type": "http.response.body", "body": b"%d bytes" % size})
                return
        await _start(send)
        names = [[name.decode(), value.decode()] for name, value in scope["headers"]]
        told = {"headers": names, "client": scope["client"][0], "method": scope["method"]}
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


async def _start(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def told(answer: bytes) -> Any:
    return json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])


# --- who is let in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "addresses"),
    [
        ({"strangers_per_address": 8}, ["127.0.1.1"]),
        ({"strangers": 20}, [f"127.0.1.{n}" for n in range(1, 11)]),
        ({"connections": 20, "strangers": 1000}, [f"127.0.1.{n}" for n in range(1, 11)]),
    ],
    ids=["from one address", "from many addresses", "as many as there can be"],
)
async def test_strangers_who_say_nothing_keep_nobody_out(limits: dict[str, int], addresses: list[str]) -> None:
    edge = Edge(Limits(**{"connections": 500, **limits}, youngest=0.0))
    async with at_the_edge(App(), edge) as port:
        idle = [await connect(port, addresses[n % len(addresses)]) for n in range(100)]
        for _ in range(5):
            assert status(await say(port, GET % (b"/quick", LAST), address="127.0.0.2")) == 200
        assert len(edge.strangers) <= min(limits.values())
        for _, writer in idle:
            writer.transport.abort()


async def test_a_young_stranger_is_not_sent_away_for_a_younger_one() -> None:
    async with at_the_edge(App(), Edge(Limits(strangers_per_address=3, youngest=60.0))) as port:
        first = [await connect(port) for _ in range(3)]
        answer = await say(port)
        assert (status(answer), headers(answer)["retry-after"]) == (429, "1")
        for each in first:
            each[1].write(GET % (b"/quick", LAST))
            assert status(await ended(each)) == 200


async def test_who_is_worked_for_is_not_sent_away() -> None:
    app = App()
    async with at_the_edge(app, Edge(Limits(strangers=2, youngest=0.0))) as port:
        listening = await connect(port)
        listening[1].write(GET % (b"/wait", b""))
        await asyncio.wait_for(listening[0].readuntil(b"here"), 20)
        others = [await connect(port) for _ in range(20)]
        assert app.left == 0
        for _, writer in (*others, listening):
            writer.transport.abort()


async def test_who_has_shown_a_token_is_no_stranger_and_one_caller_has_so_many_connections() -> None:
    edge = Edge(Limits(strangers_per_address=2, youngest=0.0, connections_per_caller=3))
    async with at_the_edge(App(), edge) as port:
        known = [await connect(port) for _ in range(1)]
        for _ in range(2):
            known.append(await connect(port))
            for reader, writer in known[-2:]:
                writer.write(GET % (b"/known", b""))
                await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 20)
        assert len(edge.strangers) == 0
        assert len(edge.connections) == 3
        for _ in range(6):
            await connect(port)
        assert [reader.at_eof() for reader, _ in known] == [False, False, False]
        one_more = await connect(port)
        one_more[1].write(GET % (b"/known", b""))
        await asyncio.wait_for(one_more[0].readuntil(b"0\r\n\r\n"), 20)
        assert await ended(known[0]) == b""


async def test_who_was_answered_and_takes_nothing_is_let_go_at_once_for_the_next() -> None:
    edge, deaf = Edge(Limits(strangers_per_address=4, youngest=0.0, answer_window=60.0)), list[Stranger]()

    def newest_is_answered() -> bool:
        mine = deaf[-1][1].get_extra_info("sockname")
        return any(each.client == mine and each.served for each in [*edge.connections])

    async with at_the_edge(App(), edge) as port:
        for _ in range(20):
            deaf.append(await connect(port))
            deaf[-1][1].transport.pause_reading()  # type: ignore[attr-defined]
            deaf[-1][1].write(GET % (b"/large", b""))
            await until_async(newest_is_answered, seconds=20, otherwise="it is not answered")
        assert len(edge.connections) <= 4
        for _, writer in deaf:
            writer.transport.abort()


async def test_who_left_before_its_token_was_looked_up_counts_with_nobody() -> None:
    app, edge = App(), Edge()
    async with at_the_edge(app, edge) as port:
        _, writer = await connect(port)
        writer.write(GET % (b"/known-late", b""))
        await until_async(lambda: any(each.running for each in edge.connections), seconds=20, otherwise="not begun")
        writer.transport.abort()
        await until_async(lambda: app.left == 1, seconds=20, otherwise="it is not told that it left")
        assert edge.groups == {}


# --- how long it may take ----------------------------------------------------------------------------------------------


FORM = POST % (b"/read", b"Content-Length: 8000\r\n")
CHUNKED = POST % (b"/read", b"Transfer-Encoding: chunked\r\n")


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n"),
        (FORM, b"a"),
        (CHUNKED + b"40000\r\n" + bytes(0x40000) + b"\r\n", b"1\r\na\r\n"),
        (GET % (b"/quick", b"") + b"GET / HTTP/1.1\r\n", b"a: b\r\n"),
    ],
    ids=["nothing", "empty lines", "headers", "a body", "a body after a burst", "a second request"],
)
async def test_what_comes_drop_by_drop_is_not_waited_for(first: bytes, drip: bytes) -> None:
    app = App()
    async with at_the_edge(app, Edge(FAST)) as port:
        answer = await drips(port, first, drip, every=FAST.head / 3)
    assert b" 408 Request Timeout\r\n" in answer
    assert app.left == (1 if b"/read" in first else 0)


async def test_a_body_has_a_whole_time_however_steadily_it_comes() -> None:
    async with at_the_edge(App(), Edge(Limits(body=1.0, sweep=0.02))) as port:
        began = asyncio.get_running_loop().time()
        answer = await drips(port, POST % (b"/read", b"Content-Length: 99999999\r\n"), bytes(30_000), every=0.01)
        assert status(answer) == 408
        assert asyncio.get_running_loop().time() - began >= 1.0


async def test_a_body_that_keeps_its_pace_and_one_that_we_do_not_read_are_waited_for() -> None:
    async with at_the_edge(App(), Edge(FAST)) as port:
        piece = bytes(FAST.body_window_bytes)
        steady = POST % (b"/read", LAST + b"Content-Length: %d\r\n" % (5 * len(piece)))
        late = POST % (b"/late", LAST + b"Content-Length: 500000\r\n")
        answers = await asyncio.gather(
            say(port, steady, *[piece] * 5, pause=FAST.body_window / 2), say(port, late, bytes(500_000))
        )
    assert [
        answer.endswith(b"%d bytes\r\n0\r\n\r\n" % n) for answer, n in zip(answers, (102_400, 500_000), strict=True)
    ]


async def test_who_does_not_read_its_answer_loses_its_connection() -> None:
    edge = Edge(FAST)
    async with at_the_edge(App(), edge) as port:
        _, writer = await connect(port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET % (b"/pour", b""))
        await until_async(lambda: bool(edge.connections), seconds=20, otherwise="it was not let in")
        await until_async(lambda: not edge.connections, seconds=20, otherwise="it keeps its connection")
        writer.transport.abort()


async def test_a_listener_who_is_told_nothing_stays() -> None:
    async with at_the_edge(App(), Edge(FAST)) as port:
        reader, writer = await connect(port)
        writer.write(GET % (b"/wait", b""))
        await asyncio.wait_for(reader.readuntil(b"here"), 20)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1 << 16) if await reader.read(2) else asyncio.sleep(0), 1.0)
        writer.transport.abort()


async def test_a_connection_without_a_next_request_ends_quietly() -> None:
    async with at_the_edge(App(), Edge(FAST)) as port:
        answer = await say(port, GET % (b"/quick", b""))
    assert answer.count(b"HTTP/1.1") == 1


# --- how much it may be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nHost: x\r\nA: ", *[b"a" * 65536] * 2, b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 50_000 + b"\r\n"],
        [b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [GET % (b"/quick", b"".join(b"a%d: %s\r\n" % (n, b"b" * 1000) for n in range(40)))],
        [CHUNKED + b"1\r\na\r\n0\r\n", *[b"A: " + b"a" * 65000 + b"\r\n"] * 20],
        [CHUNKED + b"1\r\na\r\n0\r\n" + b"A: " + b"a" * 130_000],
        [CHUNKED, *[b"1;" + b"a" * 65000 + b"\r\na\r\n"] * 20],
    ],
    ids=["one header", "lines", "target", "headers in all", "trailers", "trailer and head", "extensions of chunks"],
)
async def test_a_head_is_small(pieces: list[bytes]) -> None:
    async with at_the_edge(App(), Edge()) as port:
        answer = await say(port, *pieces)
    assert (status(answer), headers(answer)["content-type"]) == (431, "application/problem+json")


async def test_the_rest_of_a_body_is_thrown_away_for_a_while_and_no_longer() -> None:
    async with at_the_edge(App(), Edge()) as port:
        small = POST % (b"/quick", b"Content-Length: 100000\r\n") + bytes(100_000) + GET % (b"/quick", LAST)
        assert (await say(port, small)).count(b"HTTP/1.1 200") == 2
        for last in (b"", LAST):
            _, writer = await connect(port)
            writer.write(POST % (b"/quick", last + b"Content-Length: 1000000000\r\n"))
            sent = 0
            with suppress(ConnectionError):
                while sent < 1e9:
                    writer.write(bytes(65536))
                    await asyncio.wait_for(writer.drain(), 20)
                    sent += 65536
            assert sent < 32e6


async def test_who_ends_a_body_half_way_and_stays_is_not_waited_for_after_its_answer() -> None:
    async with at_the_edge(App(), Edge(FAST)) as port:
        for last in (b"", LAST):
            answer = await say(port, POST % (b"/quick", last + b"Content-Length: 1000\r\n") + b"half")
            assert answer.count(b"HTTP/1.1 200") == 1


# --- one after another ---------------------------------------------------------------------------------------------------


async def test_all_of_a_pipeline_are_told_that_their_caller_left(caplog: pytest.LogCaptureFixture) -> None:
    app, edge = App(), Edge()
    async with at_the_edge(app, edge) as port:
        reader, writer = await connect(port)
        writer.write(GET % (b"/wait", b"") + GET % (b"/quick", b""))
        await asyncio.wait_for(reader.readuntil(b"here"), 20)
        writer.transport.abort()
        await until_async(lambda: app.left == 1, seconds=20, otherwise="it was not told")
    assert caplog.records == []


@pytest.mark.parametrize("more", [0, 30_000])
async def test_a_body_before_a_head_is_not_counted_as_head(more: int) -> None:
    """However few reads they come in."""
    first = POST % (b"/read", b"Content-Length: 60000\r\n") + bytes(60_000)
    second = GET % (b"/quick", b"A: " + b"a" * more + b"\r\n" + LAST)
    async with at_the_edge(App(), Edge()) as port:
        answer = await say(port, first + second[:-20], second[-20:], pause=0.2)
    assert answer.count(b"HTTP/1.1 200") == 2


async def test_a_pipeline_is_answered_in_order_and_is_short() -> None:
    async with at_the_edge(App(), Edge()) as port:
        three = [GET % (b"/quick?%d" % n, b"N: %d\r\n" % n) for n in range(2)] + [GET % (b"/quick", b"N: 2\r\n" + LAST)]
        answer = await say(port, b"".join(three))
        assert [answer.index(b'["n", "%d"]' % n) for n in range(3)] == sorted(
            answer.index(b'["n", "%d"]' % n) for n in range(3)
        )
        assert (await say(port, GET % (b"/wait", b"") + (GET % (b"/quick", b"")) * 500)).count(b"HTTP/1.1") <= 1


# --- behind a proxy ----------------------------------------------------------------------------------------------------


async def test_behind_a_proxy_requests_in_flight_are_counted_by_address_and_not_connections() -> None:
    edge = Edge(Limits(strangers_per_address=2, strangers=2), networks("X", "127.0.0.0/24"))
    async with at_the_edge(App(), edge) as port:
        waiting = [await connect(port) for _ in range(4)]
        for n, (reader, writer) in enumerate(waiting):
            writer.write(GET % (b"/wait", b"X-Forwarded-For: 203.0.113.%d\r\n" % (n // 2)))
            await asyncio.wait_for(reader.readuntil(b"here"), 20)
        for asks, expected in ((b"203.0.113.0", 429), (b"203.0.113.1", 429), (b"1.1.1.1, 203.0.113.2", 200)):
            answer = await say(port, GET % (b"/quick", LAST + b"X-Forwarded-For: %s\r\n" % asks))
            assert status(answer) == expected
        assert told(answer)["client"] == "203.0.113.2"
        for _, writer in waiting:
            writer.transport.abort()
        await until_async(lambda: not edge.in_flight, seconds=20, otherwise="what has ended is still counted")


async def test_an_address_is_believed_of_a_trusted_proxy_alone() -> None:
    async with at_the_edge(App(), Edge()) as port:
        assert (
            told(await say(port, GET % (b"/quick", LAST + b"X-Forwarded-For: 203.0.113.1\r\n")))["client"]
            == "127.0.0.1"
        )
