"""A TCP proxy that spoils what goes through it: slow, silent, one-way, or reset around a response."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from deploy.local.ports import HOST

_CHUNK = 64 * 1024
_LOOK_EVERY = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends RST, not FIN

DELAY, HALF_OPEN, CUT_REQUESTS, CUT_RESPONSES = "delay", "half-open", "requests cut", "responses cut"
RESET_BEFORE, RESET_AFTER = "reset before the response", "reset after the response"
SILENT = {HALF_OPEN: ("up", "down"), CUT_REQUESTS: ("up",), CUT_RESPONSES: ("down",)}


@dataclass
class Trouble:
    """What is done to the traffic; `picks` says which chunk of a request is to lose its connection, `limit` how many do."""

    kind: str
    seconds: float = 0.0
    picks: Callable[[Link, bytes], bool] = lambda _link, _data: True
    limit: int = 1_000_000
    hits: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class Link:
    """One connection through the proxy; `doomed` is the reset that its next response brings."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    frames: KafkaFrames
    doomed: str | None = None
    requests: Sequence[tuple[int, str]] = ()
    """What the last chunk asked, if this is Kafka: API keys and client ids."""

    def reset(self) -> None:
        for writer in (self.client, self.server):
            sock = writer.get_extra_info("socket")
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()


class Proxy:
    """Listens on `port` and hands on to `target`, as it is or spoiled by one Trouble at a time."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self._target = port, target
        self.links: set[Link] = set()
        self._trouble: Trouble | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def stop(self) -> None:
        self.heal()
        if self._server is not None:
            self._server.close()
        for link in list(self.links):
            link.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def disturb(self, trouble: Trouble) -> Trouble:
        """From now on until `heal`."""
        self.heal()
        self._trouble = trouble
        return trouble

    def heal(self) -> None:
        """What was held back flows on; only a half-open connection is gone, as its other end was."""
        trouble, self._trouble = self._trouble, None
        for link in self.links:
            link.doomed = None
        if trouble is not None:
            trouble.over.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            up_reader, up_writer = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            self._close_while_nobody_is_there()
            return
        link = Link(writer, up_writer, KafkaFrames())
        self.links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump("up", link, reader, up_writer))
                both.create_task(self._pump("down", link, up_reader, writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one end has gone: so does the other, below
        finally:
            self.links.discard(link)
            link.reset() if link.doomed else self._close(link)

    def _close_while_nobody_is_there(self) -> None:
        """So that who comes is refused, as without a proxy, and costs nothing."""
        if self._server is not None and self._server.is_serving():
            self._server.close()
            task = asyncio.create_task(self._open_again())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open_again(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, self._target)
                writer.close()
                await self.start()
                return
            await asyncio.sleep(_LOOK_EVERY)

    def _close(self, link: Link) -> None:
        for writer in (link.client, link.server):
            writer.close()

    async def _pump(self, way: str, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if way == "up":
                link.requests = link.frames.feed(data)
            if (trouble := self._trouble) is not None:
                await self._suffer(way, link, data, trouble)
            if link.doomed == RESET_BEFORE and way == "down":
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
            if link.doomed == RESET_AFTER and way == "down":
                raise ConnectionResetError
        if writer.can_write_eof():
            writer.write_eof()

    async def _suffer(self, way: str, link: Link, data: bytes, trouble: Trouble) -> None:
        if way in SILENT.get(trouble.kind, ()):
            trouble.hits += 1
            await trouble.over.wait()
            if trouble.kind == HALF_OPEN:
                link.doomed = HALF_OPEN
                raise ConnectionResetError
        elif trouble.kind == DELAY:
            trouble.hits += 1
            await asyncio.sleep(trouble.seconds)
        picked = way == "up" and trouble.picks(link, data)
        if picked and trouble.kind in (RESET_BEFORE, RESET_AFTER) and trouble.hits < trouble.limit:
            trouble.hits += 1
            link.doomed = trouble.kind


class KafkaFrames:
    """Finds the requests in a Kafka client's bytes: length, API key, version, correlation id, client id."""

    _HEAD = struct.Struct(">ihhih")

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0

    def feed(self, data: bytes) -> list[tuple[int, str]]:
        """API key and client id of every request whose beginning has come with these bytes."""
        return list(self._requests(data))

    def _requests(self, data: bytes) -> Iterator[tuple[int, str]]:
        buffer = self._rest + data
        while True:
            skipped = min(self._skip, len(buffer))
            buffer, self._skip = buffer[skipped:], self._skip - skipped
            if len(buffer) < self._HEAD.size:
                break
            length, api, _, _, named = self._HEAD.unpack_from(buffer)
            end = self._HEAD.size + max(named, 0)
            if named > 255 or not 10 <= length < 1 << 28:  # no Kafka request: this connection speaks something else
                buffer = b""
                break
            if len(buffer) < end:
                break
            yield api, buffer[self._HEAD.size : end].decode(errors="replace")
            self._skip = 4 + length
        self._rest = buffer


PRODUCE = 0


def a_commit(_link: Link, data: bytes) -> bool:
    """A transaction that asks PostgreSQL to commit."""
    return b"COMMIT" in data


def a_post(_link: Link, data: bytes) -> bool:
    """A request that changes something."""
    return data.startswith(b"POST /v1/")


def produce_of(service: str) -> Callable[[Link, bytes], bool]:
    """Records that this service's relay hands to Kafka."""
    return lambda link, _data: (PRODUCE, service) in link.requests
