"""What is said of each request: an id in its answer, one line in the log of each process, how long it took.

The id is the server's: the door makes it, whatever a caller sends under that name, and hands it on to the services.
"""

import json
import os
import re
from time import perf_counter

import structlog
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.kit.telemetry import histogram, tell_quickly

HEADER = b"x-request-id"
PRIVATE = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
"""Headers of whatever answer has none of its own under these names."""
LEFT = 499  # what the log says where the caller left before the answer; nginx says the same
_ID = re.compile(rb"[0-9a-f]{24}")
_LONGEST_PATH = 200
_PROBES = frozenset(("/healthz", "/readyz", "/metrics"))
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_took: Histogram = histogram("http_request_duration_seconds", "Requests served.", ["method", "route", "status"])
_known: dict[tuple[str, str, int], Histogram] = {}


def request_id() -> str:
    """A new one."""
    return os.urandom(12).hex()


class Requests:
    """ASGI middleware, the outermost. `inside`: who calls is the door, whose id is taken. `times`: keeps durations by route."""

    def __init__(self, app: ASGIApp, *, inside: bool, times: bool) -> None:
        self._app, self._inside, self._times = app, inside, times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        told = "told" in state  # by this process already: the gateway's API stands behind its door
        own = None if "request_id" in state else self._id(scope)
        if own is not None:
            state["request_id"] = own
        state["told"] = True
        began, status = perf_counter(), LEFT

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if not told:
                    message = {**message, "headers": self._headers(message["headers"], own)}
            await send(message)

        if not told:
            structlog.contextvars.bind_contextvars(request_id=state["request_id"])
        # A service answers HEAD as it answers GET; the server leaves the body out by its own scope, which still says HEAD.
        asked = {**scope, "method": "GET"} if self._inside and scope["method"] == "HEAD" else scope
        try:
            await self._app(asked, receive, noting)
        except Exception:
            status = 500 if status == LEFT else status
            raise
        finally:
            seconds = perf_counter() - began
            if asked is not scope:
                scope["route"] = asked.get("route")
            if self._times and scope["path"].startswith("/v1/"):
                _child(scope, status).observe(seconds)
            if not told:
                _say(scope, status, seconds)

    def _id(self, scope: Scope) -> str:
        given = next((value for name, value in scope["headers"] if name == HEADER), b"") if self._inside else b""
        return given.decode() if _ID.fullmatch(given) else request_id()

    def _headers(self, headers: list[tuple[bytes, bytes]], own: str | None) -> list[tuple[bytes, bytes]]:
        added = [(HEADER, own.encode())] if own is not None else []
        if not self._inside:
            given = {name.lower() for name, _ in headers}
            added += [each for each in PRIVATE if each[0] not in given]
        return [*headers, *added]


def _say(scope: Scope, status: int, seconds: float) -> None:
    path, route, state = scope["path"], scope.get("route"), scope["state"]
    if path in _PROBES and status < 400:  # probes ask all day
        return
    place = json.dumps(route.path if route else path[:_LONGEST_PATH])
    told = (
        f'"method": "{scope["method"]}", "path": {place}, "status": {status}, "ms": {seconds * 1000:.1f}, '
        f'"request_id": "{state["request_id"]}"'
    )
    if principal := state.get("principal"):
        told += f', "actor": "{principal.actor}"'
    if position := state.get("traceparent"):
        told += f', "trace_id": "{position[3:35]}"'
    tell_quickly("request", told)


def _child(scope: Scope, status: int) -> Histogram:
    """Whatever no route has shares one place: a caller must not make up labels."""
    route, method = scope.get("route"), scope["method"]
    place = (method, route.path, status) if route and method in _METHODS else ("", "", status)
    if place not in _known:
        _known[place] = _took.labels(*place)
    return _known[place]
