"""A generator of HTTP load that is never the bottleneck: a process of its own, prebuilt requests, kept connections.

`await drive(Job(…))` from a bench; the process is `python -m tests.bench.load`, which reads a Job and writes a Load as JSON.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import cast
from urllib.parse import urlsplit
from uuid import uuid4

_LATE_SECONDS = 20.0


@dataclass(frozen=True)
class Job:
    """POSTs (or GETs, without `bodies`) for `seconds`; each with an Idempotency-Key of its own.

    Without `rate` every connection sends as soon as it is answered; with it, so many are begun each second whatever comes back,
    and a request that finds no connection free waits for one: its time counts from when it was due.
    """

    url: str
    seconds: float
    connections: int = 16
    rate: float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Load:
    """What came back. Latencies are in seconds, in the order of the answers; `statuses` counts them by status.

    `begun`, with a `rate`: when each was due, in seconds of the epoch, by its Idempotency-Key.
    """

    seconds: float
    statuses: dict[str, int]
    latencies: list[float]
    begun: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds that this share of the requests took at most."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def drive(job: Job) -> Load:
    """Works the job in a process of its own. Raises RuntimeError when it fails or an answer is no 2xx."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.load",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(
            child.communicate(json.dumps(asdict(job)).encode()), job.seconds + _LATE_SECONDS
        )
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise RuntimeError(f"the load on {job.url} failed: {err.decode().strip()[-600:]}")
    load = Load(**json.loads(out))
    if refused := {status: n for status, n in load.statuses.items() if not status.startswith("2")}:
        raise RuntimeError(f"{job.url} answered {refused}")
    return load


class _Connection(asyncio.Protocol):
    def __init__(self, driver: "_Driver") -> None:
        self._driver, self._buffer, self._due = driver, b"", 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def send(self, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(self._driver.request(due))

    def close(self) -> None:
        if self._transport:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if found and len(body) >= _content_length(head):
            self._buffer = b""
            self._driver.answered(self, head[9:12].decode(), time.perf_counter() - self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        self._driver.lost(exc)


def _content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.index(b"content-length:") + 15  # every answer of a service and of its peers has one
    return int(lower[at : at + 12].split(b"\r\n", 1)[0])


class _Driver:
    def __init__(self, job: Job) -> None:
        address = urlsplit(job.url)
        self._job, self.host, self.port = job, address.hostname or "127.0.0.1", address.port or 80
        lines = [f"{'POST' if job.bodies else 'GET'} {address.path} HTTP/1.1", f"host: {address.netloc}"]
        lines += [f"{name}: {value}" for name, value in job.headers.items()]
        if job.bodies:
            lines.append("content-type: application/json")
        self._head = "\r\n".join(lines).encode()
        self._bodies = cycle(
            [f"content-length: {len(b.encode())}\r\n\r\n{b}".encode() for b in job.bodies] or [b"\r\n"]
        )
        self._run, self._sent = uuid4().hex, 0
        self._waiting: deque[float] = deque()
        self._free: deque[_Connection] = deque()
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.begun: dict[str, float] = {}
        self._epoch = time.time() - time.perf_counter()
        self.stopping, self.busy = False, 0
        self.done = asyncio.get_running_loop().create_future()

    def request(self, due: float) -> bytes:
        self._sent += 1
        key = f"{self._run}-{self._sent}"
        if self._job.rate is not None:
            self.begun[key] = due + self._epoch
        return b"%b\r\nidempotency-key: %b\r\n%b" % (self._head, key.encode(), next(self._bodies))

    def begin(self, connection: _Connection, due: float) -> None:
        self.busy += 1
        connection.send(due)

    def due(self, at: float) -> None:
        """One more request, now or as soon as a connection is free."""
        if self._free:
            self.begin(self._free.popleft(), at)  # in turn: one that idles for seconds is closed by its server
        else:
            self._waiting.append(at)

    def answered(self, connection: _Connection, status: str, seconds: float) -> None:
        self.busy -= 1
        self.statuses[status] += 1
        self.latencies.append(seconds)
        if self._waiting:
            self.begin(connection, self._waiting.popleft())
        elif self._job.rate is None and not self.stopping:
            self.begin(connection, time.perf_counter())
        else:
            self._free.append(connection)
            if self.stopping and not self.busy and not self.done.done():
                self.done.set_result(None)

    def lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed a connection"))

    async def run(self) -> Load:
        job, loop = self._job, asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(lambda: _Connection(self), self.host, self.port))[1]
            for _ in range(job.connections)
        ]
        began = time.perf_counter()
        if job.rate is None:
            for connection in connections:
                self.begin(connection, began)
            await asyncio.wait([self.done], timeout=job.seconds)
        else:
            self._free.extend(connections)
            await self._paced(began, job.rate)
        self.stopping = True
        if self.busy:
            await asyncio.wait_for(self.done, _LATE_SECONDS / 2)
        took = time.perf_counter() - began
        if self.done.done():
            self.done.result()
        else:
            self.done.set_result(None)
        for connection in connections:
            connection.close()
        return Load(took, dict(self.statuses), self.latencies, self.begun)

    async def _paced(self, began: float, rate: float) -> None:
        for n in range(int(self._job.seconds * rate)):
            at = began + n / rate
            if (early := at - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if self.done.done():
                return
            self.due(at)


async def _work(job: Job) -> Load:
    gc.disable()
    return await _Driver(job).run()


def main() -> None:
    import uvloop

    load = uvloop.run(_work(Job(**json.load(sys.stdin))))
    json.dump(asdict(load), sys.stdout)


if __name__ == "__main__":
    main()
