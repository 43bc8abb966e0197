"""A service that hangs: its socket takes connections, as a stopped process's does, and nobody reads from them."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from deploy.local.waiting import until_async
from services.gateway.door.pulses import Pulses
from services.gateway.tests.stage import Stage

SOON = {"patience_seconds": 0.3}
"""What the waiting of requests is measured by; a request's own time is 30 s."""


@pytest.fixture
def hanging() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as place:
        yield place


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    )
    writer.close()


async def until_taken(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            if (await http.get("/v1/rmas")).status_code == 200:
                return
            await asyncio.sleep(0.1)


async def test_requests_to_a_service_that_hangs_are_refused_at_once_until_it_answers(
    stage: Stage, hanging: socket.socket
) -> None:
    stage.urls["rma"] = f"http://127.0.0.1:{hanging.getsockname()[1]}"
    http = await stage.client(url=(await stage.open(**SOON)).url)
    began = time.monotonic()

    first = await asyncio.gather(*(http.get("/v1/rmas", timeout=25) for _ in range(3)))

    assert time.monotonic() - began < 20
    assert {(each.status_code, each.json()["dependency"]) for each in first} == {(503, "rma")}
    assert {each.headers["retry-after"] for each in first} == {"2"}
    for _ in range(5):  # it takes none of them
        began = time.monotonic()
        assert (await http.get("/v1/rmas")).status_code == 503
        assert time.monotonic() - began < 2
    assert (await http.get("/v1/cases")).status_code == 200

    async with await asyncio.start_server(answer, sock=hanging):
        await until_taken(http)


async def test_a_slow_request_to_a_service_that_is_well_is_waited_for(stage: Stage) -> None:
    http = await stage.client(url=(await stage.open(patience_seconds=0.1, upstream_seconds=4)).url)

    answer = await http.get("/v1/accounts/slow", timeout=20)

    assert answer.status_code == 504


async def test_a_look_that_fails_in_a_way_nobody_foresaw_is_not_the_last() -> None:
    answers = iter(["hangs", "breaks", "is well"])

    async def well(service: str, seconds: float) -> bool:
        said = next(answers)
        if said == "breaks":
            raise OSError("no space left on device")
        return said == "is well"

    async def asks() -> None:
        with pulses.heard("rma") as waits:
            async with waits:
                await asyncio.Event().wait()  # until the look ends it

    pulses = Pulses(well, patience=0.0)
    listens = asyncio.create_task(pulses.listen())
    try:
        with pytest.raises(TimeoutError):
            await asks()
        assert pulses.is_silent("rma")
        await until_async(lambda: not pulses.is_silent("rma"), seconds=20, otherwise="it stays refused")
    finally:
        listens.cancel()
