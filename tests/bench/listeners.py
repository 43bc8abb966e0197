"""Listeners of the event stream in a process of their own: many connections, each noting when it had which event.

`python -m tests.bench.listeners` reads a Choir as a JSON line, opens every connection, writes a line when all listen, and at the end
of its input writes what was heard: by event, how many heard it and when the last did.
"""

import asyncio
import gc
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from typing import cast
from urllib.parse import urlsplit

_ID = re.compile(rb'"id":"([0-9a-f-]{36})"')
_AT_ONCE = 50
_OPEN_SECONDS = 120


@dataclass(frozen=True)
class Choir:
    """`ears`: how many listen with which token and query."""

    url: str
    ears: list[tuple[int, str, str]]


class _Ear(asyncio.Protocol):
    def __init__(self, heard: dict[bytes, list[float]], request: bytes) -> None:
        self._heard, self._request, self._rest = heard, request, b""
        self.listening = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)  # uvloop's is none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        at = time.time()
        if not self.listening.done() and not (self._rest or data.startswith(b"HTTP/1.1 200")):
            self.listening.set_exception(ConnectionError(data[:500].decode()))
            return
        *frames, self._rest = (self._rest + data).split(b"\n\n")
        for frame in frames:
            if not self.listening.done() and b"retry:" in frame:
                self.listening.set_result(None)
            if found := _ID.search(frame):
                self._heard.setdefault(found[1], []).append(at)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.listening.done():
            self.listening.set_exception(exc or ConnectionError(f"refused: {self._rest[:200]!r}"))


async def _listen(choir: Choir) -> None:
    loop, address = asyncio.get_running_loop(), urlsplit(choir.url)
    host, port = address.hostname or "", address.port or 80
    heard: dict[bytes, list[float]] = {}
    gate = asyncio.Semaphore(_AT_ONCE)

    async def open_one(token: str, query: str) -> None:
        request = (
            f"GET {address.path}{query} HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {token}\r\n\r\n"
        ).encode()
        async with gate:
            _, ear = await loop.create_connection(lambda: _Ear(heard, request), host, port)
            await ear.listening

    async with asyncio.timeout(_OPEN_SECONDS), asyncio.TaskGroup() as group:
        for count, token, query in choir.ears:
            for _ in range(count):
                group.create_task(open_one(token, query))
    gc.collect()
    gc.freeze()
    print("listening", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    print(json.dumps({id.decode(): (len(times), max(times)) for id, times in heard.items()}), flush=True)


class Listeners:
    """The bench's end of it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def of(cls, choir: Choir) -> "Listeners":
        """Returns once all listen. Raises RuntimeError when one is refused."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.listeners",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
        )  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(asdict(choir)).encode() + b"\n")
        if await asyncio.wait_for(process.stdout.readline(), _OPEN_SECONDS) != b"listening\n":
            process.kill()
            await process.wait()
            raise RuntimeError("not every listener was let in")
        return cls(process)

    async def heard(self) -> dict[str, tuple[int, float]]:
        """By event: how many heard it, and when the last did (epoch seconds). Ends them."""
        out, _ = await asyncio.wait_for(self._process.communicate(b"\n"), 30)
        return {id: (count, at) for id, (count, at) in json.loads(out).items()}


def main() -> None:
    import uvloop

    given = json.loads(sys.stdin.readline())
    uvloop.run(_listen(Choir(given["url"], [tuple(each) for each in given["ears"]])))


if __name__ == "__main__":
    main()
