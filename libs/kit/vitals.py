"""A process' own state for Prometheus: is it ready, is its event loop free, its pool, its disk; and how long requests took."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from shutil import disk_usage
from time import perf_counter

from prometheus_client import Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.kit.health import Check, outcome
from libs.kit.telemetry import gauge, histogram
from libs.store import Database

LOOK_SECONDS = 5.0
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_check_up: Gauge = gauge("check_up", "1 while this check of readiness passes.", ["check"])
_connections: Gauge = gauge("db_pool_connections", "Connections of the pool.", ["state"])
_limit: Gauge = gauge("db_pool_connections_limit", "The most the pool opens.")
_loop_lag: Histogram = histogram("event_loop_lag_seconds", "How much later than asked the event loop came back.")
_disk_free: Gauge = gauge("disk_free_bytes", "Room on the disk that this process runs from.")
_disk_size: Gauge = gauge("disk_size_bytes", "Size of the disk that this process runs from.")
_took: Histogram = histogram("http_request_duration_seconds", "Requests served.", ["method", "route", "status"])


async def watch_vitals(database: Database, checks: Mapping[str, Check], stop: asyncio.Event) -> None:
    """Keeps these values fresh until told to stop; a scrape only reads them."""
    _limit.set(database.pool.get_max_size())
    looked, loop = -LOOK_SECONDS, asyncio.get_running_loop()
    while not stop.is_set():
        asked = loop.time()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)
        if not stop.is_set():
            _loop_lag.observe(max(0.0, loop.time() - asked - 0.5))
        if loop.time() - looked >= LOOK_SECONDS:
            looked = loop.time()
            await _look(database, checks)


async def _look(database: Database, checks: Mapping[str, Check]) -> None:
    for name, found in zip(checks, await asyncio.gather(*map(outcome, checks.values())), strict=True):
        _check_up.labels(name).set(found == "ok")
    idle = database.pool.get_idle_size()
    _connections.labels("idle").set(idle)
    _connections.labels("used").set(database.pool.get_size() - idle)
    with suppress(OSError):
        disk = disk_usage(".")
        _disk_free.set(disk.free)
        _disk_size.set(disk.total)


class RequestDuration:
    """Times every request under /v1 by its route's path and the answer's status. ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            self._child(scope, status).observe(perf_counter() - began)

    def _child(self, scope: Scope, status: int) -> Histogram:
        """Whatever no route has shares one place: a caller must not make up labels."""
        route, method = scope.get("route"), scope["method"]
        place = (method, route.path, status) if route and method in _METHODS else ("", "", status)
        if place not in self._known:
            self._known[place] = _took.labels(*place)
        return self._known[place]
