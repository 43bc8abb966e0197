from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from deploy.local.ports import HOST, free_port
from deploy.local.waiting import until_async
from tests.faults.proxy import (
    CUT_RESPONSES,
    DELAY,
    HALF_OPEN,
    RESET_AFTER,
    RESET_BEFORE,
    KafkaFrames,
    Proxy,
    Trouble,
)

SECONDS = 10


class Echo:
    """Answers each chunk with itself, and remembers what it got."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            self.heard.append(data)
            writer.write(data)
        writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def echo() -> AsyncIterator[tuple[Echo, Proxy]]:
    port = free_port()
    there = Echo()
    server = await asyncio.start_server(there.answer, HOST, port)
    proxy = Proxy(free_port(frozenset({port})), port)
    await proxy.start()
    yield there, proxy
    await proxy.stop()
    server.close()


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        yield reader, writer
        writer.close()


async def test_what_goes_through_is_what_comes_out(echo: tuple[Echo, Proxy]) -> None:
    async with connected(echo[1]) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"


async def test_who_comes_while_nobody_is_there_is_refused_until_somebody_is() -> None:
    port = free_port()
    proxy = Proxy(free_port(frozenset({port})), port)
    await proxy.start()

    async def refused() -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, proxy.port)
        except ConnectionRefusedError:
            return True
        writer.close()
        return False

    await until_async(refused, seconds=SECONDS, otherwise="it went on taking who came")
    server = await asyncio.start_server(Echo().answer, HOST, port)

    async def let_in() -> bool:
        return not await refused()

    await until_async(let_in, seconds=SECONDS, otherwise="it did not open again")
    async with connected(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
    await proxy.stop()
    server.close()


async def test_a_reset_before_the_response_lets_the_request_through_and_nothing_back(echo: tuple[Echo, Proxy]) -> None:
    there, proxy = echo
    trouble = proxy.disturb(Trouble(RESET_BEFORE, picks=lambda _link, data: data == b"COMMIT"))
    async with connected(proxy) as (reader, writer):
        writer.write(b"BEGIN")
        assert await reader.readexactly(5) == b"BEGIN"
        writer.write(b"COMMIT")
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(6)
    assert (there.heard[-1], trouble.hits) == (b"COMMIT", 1)


async def test_a_reset_after_the_response_comes_when_all_of_it_is_there(echo: tuple[Echo, Proxy]) -> None:
    echo[1].disturb(Trouble(RESET_AFTER, limit=1))
    async with connected(echo[1]) as (reader, writer):
        writer.write(b"COMMIT")
        # a reset may overtake what was sent just before it, as it does on any network
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(7)
    assert echo[0].heard[-1] == b"COMMIT"


async def test_cut_responses_come_when_the_way_is_free_again(echo: tuple[Echo, Proxy]) -> None:
    there, proxy = echo
    trouble = proxy.disturb(Trouble(CUT_RESPONSES))
    async with connected(proxy) as (reader, writer):
        writer.write(b"hello")
        await until_async(lambda: trouble.hits > 0, seconds=SECONDS, otherwise="nothing came to the proxy")
        assert there.heard[-1] == b"hello"
        proxy.heal()
        assert await reader.readexactly(5) == b"hello"


async def test_a_half_open_connection_says_nothing_and_is_gone_in_the_end(echo: tuple[Echo, Proxy]) -> None:
    there, proxy = echo
    async with connected(proxy) as (reader, writer):
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        trouble = proxy.disturb(Trouble(HALF_OPEN))
        writer.write(b"after")
        await until_async(lambda: trouble.hits > 0, seconds=SECONDS, otherwise="nothing came to the proxy")
        proxy.heal()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    assert b"after" not in there.heard


async def test_delayed_traffic_comes_whole_and_in_order(echo: tuple[Echo, Proxy]) -> None:
    trouble = echo[1].disturb(Trouble(DELAY, 0.01))
    async with connected(echo[1]) as (reader, writer):
        for n in range(5):
            writer.write(str(n).encode())
            await writer.drain()
        assert await reader.readexactly(5) == b"01234"
    assert trouble.hits >= 2


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_kafka_requests_are_found_however_the_bytes_come(size: int) -> None:
    def request(api: int, client: str, body: bytes) -> bytes:
        rest = struct.pack(">hhih", api, 9, 1, len(client)) + client.encode() + body
        return struct.pack(">i", len(rest)) + rest

    said = request(0, "rma", b"x" * 500) + request(1, "rma", b"") + request(0, "cases", b"y" * 20)
    frames, found = KafkaFrames(), []
    for at in range(0, len(said), size):
        found += frames.feed(said[at : at + size])

    assert found == [(0, "rma"), (1, "rma"), (0, "cases")]
