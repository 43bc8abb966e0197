"""A server behind an edge, on the loop that the gateway runs on, in a thread of its own; and bytes said to it as they are."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvloop

from libs.kit.connection import edge_config
from libs.kit.edge import Edge
from tests.support.serving import Served

PATIENCE_SECONDS = 20.0
Stranger = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def at_the_edge(app: Any, edge: Edge) -> AsyncIterator[int]:
    """The port."""
    loop, opened = asyncio.get_running_loop(), asyncio.Event()
    server = Served(edge_config(edge, app, port=0, lifespan="off", timeout_graceful_shutdown=1), asyncio.Event())

    async def serve() -> None:
        serving = asyncio.create_task(server.serve())
        await server.wait_started()
        loop.call_soon_threadsafe(opened.set)
        await serving

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    try:
        await asyncio.wait_for(opened.wait(), PATIENCE_SECONDS)
        yield int(server.url.rpartition(":")[2])
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, PATIENCE_SECONDS)


async def connect(port: int, address: str = "127.0.0.1") -> Stranger:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))


async def ended(stranger: Stranger) -> bytes:
    """All that came, once the other side has ended the connection."""
    reader, writer = stranger
    got = b""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while piece := await reader.read(65536):
                got += piece
    except ConnectionError:
        pass
    writer.transport.abort()
    return got


async def say(port: int, *pieces: bytes, address: str = "127.0.0.1", pause: float = 0.0) -> bytes:
    """What is answered, until the connection ends."""
    stranger = await connect(port, address)
    answer = asyncio.create_task(ended(stranger))
    with suppress(ConnectionError):
        for piece in pieces:
            stranger[1].write(piece)
            await stranger[1].drain()
            await asyncio.sleep(pause)
    return await answer


async def drips(port: int, first: bytes, drip: bytes, every: float) -> bytes:
    """What is answered to one who says first, and then so little at a time, for as long as it is let."""
    stranger = await connect(port)
    stranger[1].write(first)

    async def dripping() -> None:
        while not stranger[1].is_closing():
            stranger[1].write(drip)
            await asyncio.sleep(every)

    task = asyncio.create_task(dripping())
    try:
        return await ended(stranger)
    finally:
        task.cancel()


def status(answer: bytes) -> int:
    """Of the first of the answers; 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


def headers(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
