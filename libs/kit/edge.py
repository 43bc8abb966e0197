"""The edge: how many connections there may be, and what one may cost.

Whoever has shown no token is a stranger: those are few, and the oldest that nobody works for gives way to the newest.
`scope["state"]["caller_known"](who)` says whose a connection is. `libs.kit.connection` holds the protocol.
"""

import asyncio
import resource
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import structlog

from libs.kit import problems, proxies
from libs.kit.telemetry import counter, gauge

if TYPE_CHECKING:
    from libs.kit.connection import Connection

log = structlog.get_logger()
NEW, HEAD, BODY, ANSWER, LINGER = "new", "head", "body", "answer", "linger"
"""What is read of a connection: nothing yet, a request's head, its body, nothing more of it; what is thrown away."""
_KEPT_DESCRIPTORS, _FEW_CONNECTIONS, _LEAST_CONNECTIONS = 1500, 4000, 64
refused = counter("gateway_refused", "Requests and connections that ended at the edge.", ["why"])
_connections = gauge("gateway_connections", "Open connections.", ["kind"])


@dataclass(frozen=True)
class Limits:
    """Seconds are floats, all else are numbers and bytes. Read against nginx, Apache, Kestrel, Go and Envoy; see ADR 15."""

    first_byte: float = 10.0
    head: float = 10.0
    keep_alive: float = 5.0
    keep_alive_proxied: float = 75.0
    body: float = 600.0
    body_window: float = 20.0
    answer_window: float = 30.0
    rest: float = 5.0
    linger: float = 2.0
    youngest: float = 1.0
    sweep: float = 1.0
    head_bytes: int = 32 * 1024
    head_lines: int = 100
    target_bytes: int = 8 * 1024
    body_window_bytes: int = 20 * 1024
    answer_window_bytes: int = 30 * 1024
    rest_bytes: int = 256 * 1024
    linger_bytes: int = 1024 * 1024
    pipelined: int = 16
    strangers_per_address: int = 256
    strangers: int = 2000
    connections_per_caller: int = 256
    connections: int = 8000

    def faster(self, times: float) -> "Limits":
        """The same with all seconds divided."""
        seconds = {f.name: getattr(self, f.name) / times for f in fields(self) if f.type is float}
        return replace(self, **seconds)


class Malformed(problems.BadRequest):
    """Not HTTP/1.1 as RFC 9112 has it."""


class NotSpoken(problems.Problem):
    status, title = 501, "Not implemented"


class HeadTooLarge(problems.Problem):
    status, title = 431, "Request header fields too large"


class TooSlow(problems.Problem):
    status, title = 408, "The request did not come in time"


class TooManyConnections(problems.TooManyRequests):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": "1"}


class Full(problems.Unavailable):
    """As many connections as this process can have."""


def room_for(connections: int) -> int:
    """So many connections, or fewer where the system lets this process open fewer files; asks it for all it may have first."""
    for wanted in (resource.getrlimit(resource.RLIMIT_NOFILE)[1], 10_240):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            break
        except (OSError, ValueError):  # macOS: the hard limit is no number, and the soft one has to be
            continue
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    left = connections if soft == resource.RLIM_INFINITY else soft - _KEPT_DESCRIPTORS
    if left < _FEW_CONNECTIONS:
        log.warning("few files may be open; so few connections are taken", files=soft, connections=left)
    return max(min(connections, left), _LEAST_CONNECTIONS)


class Edge:
    """The connections of one server: who they are, whom to let go, and one look at all of them each second."""

    def __init__(self, limits: Limits | None = None, trusted: proxies.Networks = ()) -> None:
        self.limits, self.trusted = limits or Limits(), trusted
        self.connections: dict[Connection, None] = {}
        self.strangers: dict[Connection, None] = {}
        self.idle: dict[Connection, None] = {}  # strangers that nobody works for, by when they began to be
        self.lingering: dict[Connection, None] = {}
        self.groups: dict[Hashable, dict[Connection, None]] = {}  # by address, or by caller
        self.in_flight: Counter[str] = Counter()  # strangers' requests by the address that a proxy told
        self.seconds_since = 0.0
        self._looked: float | None = None

    def came(self, connection: "Connection") -> None:
        limits, peer = self.limits, connection.client[0] if connection.client else ""
        self._watch(connection.loop)
        self.connections[connection] = None
        if len(self.connections) > limits.connections and not self._make_room():
            connection.refuse(Full("There are too many connections; try again."), "connections")
            return
        if proxies.is_within(peer, self.trusted):
            connection.is_proxy = True
            return
        group = self._join(connection, proxies.household(peer))
        self.strangers[connection] = self.idle[connection] = None
        if len(group) > limits.strangers_per_address:
            oldest = next(each for each in group if each in self.idle)
            ripe = connection.made - oldest.made >= limits.youngest
            self._evict(oldest if ripe else connection, "address")
        elif len(self.strangers) > limits.strangers:
            self._evict(next(iter(self.idle)), "strangers")

    def known(self, connection: "Connection", who: Hashable) -> None:
        """Its caller has shown a token: no stranger, but one of that caller's."""
        self.release(connection)
        if connection.group == who or connection.is_proxy or connection not in self.connections:
            return  # the last has left meanwhile: nothing would ever take it out again
        self.leave(connection)
        group = self._join(connection, who)
        if len(group) > self.limits.connections_per_caller:
            oldest = next((each for each in group if each.phase is not ANSWER and each is not connection), None)
            if oldest:
                self._evict(oldest, "caller")

    def leave(self, connection: "Connection") -> None:
        """It counts with nobody any more."""
        self.strangers.pop(connection, None)
        self.idle.pop(connection, None)
        if group := self.groups.get(connection.group):
            group.pop(connection, None)
            if not group:
                del self.groups[connection.group]
        connection.group = None

    def gone(self, connection: "Connection") -> None:
        self.release(connection)
        self.leave(connection)
        self.lingering.pop(connection, None)
        self.connections.pop(connection, None)

    def take(self, connection: "Connection", address: str) -> bool:
        """A request that a proxy hands on: in flight for its address until it is answered or its caller is known."""
        place = proxies.household(address)
        if self.in_flight[place] >= self.limits.strangers_per_address:
            refused.labels("in_flight").inc()
            return False
        self.in_flight[place] += 1
        connection.taken = place
        return True

    def release(self, connection: "Connection") -> None:
        if connection.taken is not None:
            self.in_flight[connection.taken] -= 1
            if not self.in_flight[connection.taken]:
                del self.in_flight[connection.taken]
            connection.taken = None

    def _join(self, connection: "Connection", key: Hashable) -> "dict[Connection, None]":
        connection.group = key
        group = self.groups.setdefault(key, {})
        group[connection] = None
        return group

    def _evict(self, connection: "Connection", why: str) -> None:
        if connection.phase is NEW and connection.served:
            refused.labels(why).inc()
            self.leave(connection)
            unsent = connection.transport.get_write_buffer_size()  # to close would wait for who takes nothing
            (connection.end if unsent else connection.transport.close)()
        else:
            connection.refuse(TooManyConnections("There are too many connections; try again."), why)

    def _make_room(self) -> bool:
        """Not politely: who is told why still has its connection."""
        for some in (self.lingering, self.idle):
            for oldest in some:
                refused.labels("connections").inc()
                oldest.end()
                return True
        return False

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._looked is None:
            self._looked = loop.time()
            loop.call_later(self.limits.sweep, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self.seconds_since, self._looked = now - (self._looked or now), now
        if self.connections:
            loop.call_later(self.limits.sweep, self._look, loop)
        else:
            self._looked = None
        for connection in list(self.connections):
            connection.look(now)
        proxied = sum(each.is_proxy for each in self.connections)
        lingering, strangers = len(self.lingering), len(self.strangers)
        known = len(self.connections) - strangers - lingering - proxied
        kinds = {"stranger": strangers, "known": known, "proxy": proxied, "lingering": lingering}
        for kind, n in kinds.items():
            _connections.labels(kind).set(n)
