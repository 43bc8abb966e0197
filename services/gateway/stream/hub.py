"""Fan-out: the newest events in a ring, and a bounded buffer for each listener that is behind."""

import asyncio
from collections import deque
from collections.abc import Sequence

from libs.kit.telemetry import counter, gauge
from services.gateway.stream.items import Filter, Item, health

_listeners = gauge("gateway_listeners", "Listeners of the event stream.")
_gone = counter("gateway_listeners_gone", "Listeners that left or were sent away.", ["reason"])
HEARTBEAT = b":\n\n"


class Listener:
    """What one connection has still to be sent. Its own task empties it; the hub fills it and never waits."""

    __slots__ = ("_frames", "_limit", "_pending", "_size", "after", "filter", "last", "reason", "stuck_since", "woken")

    def __init__(self, filter: Filter, last: int, *, limit: int) -> None:
        self.filter, self.last = filter, last
        self.after = last
        """The place from which on the hub fills it; what comes before it was sent otherwise."""
        self.woken = asyncio.Event()
        self.reason: str | None = None
        """Why it is sent away; None while it stays."""
        self.stuck_since: float | None = None
        """When what is being sent now was handed over; None while nothing is."""
        self._limit, self._size = limit, 0
        self._pending: int | None = None
        self._frames: list[bytes] = []

    def put(self, frame: bytes, place: int | None = None) -> None:
        """Buffers a frame. One that does not fit any more sends the listener away: it resumes after what it got."""
        if self.reason is not None:
            return
        self._size += len(frame)
        if self._size > self._limit:
            self.leave("too slow")
            return
        self._frames.append(frame)
        if place is not None:
            self._pending = place
        self.woken.set()

    def leave(self, reason: str) -> None:
        """Ends it; what is buffered is not sent any more."""
        if self.reason is None:
            self.reason = reason
            self._frames.clear()
            self._pending = None
            self.woken.set()
            _gone.labels(reason).inc()

    def take(self) -> tuple[bytes, int | None]:
        """All that is buffered, and the place that is reached once it has been sent; None when no event is among it."""
        taken = b"".join(self._frames), self._pending
        self._frames.clear()
        self._size, self._pending = 0, None
        self.woken.clear()
        return taken


class Hub:
    """`position` is the place up to which the ring is complete, from just after `base`; None before the first word from activity."""

    def __init__(self, *, ring: int) -> None:
        self.position: int | None = None
        self.base = 0
        self.status = "ok"
        """How what feeds the stream stands."""
        self._ring: deque[Item] = deque(maxlen=ring)
        self._listeners: set[Listener] = set()

    @property
    def listeners(self) -> frozenset[Listener]:
        return frozenset(self._listeners)

    def __len__(self) -> int:
        return len(self._listeners)

    def begin(self, position: int) -> None:
        """The feed begins here; if it had come further before, that was another stream, and its listeners begin anew."""
        self.position = self.base = position
        self._ring.clear()
        self.close("the stream began anew")

    def publish(self, items: Sequence[Item]) -> None:
        """To everybody whom they are for; serialised already, and nobody is waited for."""
        for item in items:
            if len(self._ring) == self._ring.maxlen:
                self.base = self._ring[0].place
            self._ring.append(item)
            self.position = item.place
            if item.takes_out:
                # What is behind is read of activity from now on, which does not keep it any more.
                self.base = item.place
                self._ring.clear()
        for listener in self._listeners:
            admits, after = listener.filter.admits, listener.after
            for item in items:
                if item.place > after and admits(item):
                    listener.put(item.frame, item.place)

    def attach(self, listener: Listener, after: int) -> list[Item] | None:
        """From now on it gets what comes. What came after the place before now is given back; None when the ring does not reach there."""
        if self.position is None or after < self.base:
            return None
        listener.after = after
        self._listeners.add(listener)
        _listeners.set(len(self._listeners))
        if self.status != "ok":
            listener.put(health(self.status))
        return [item for item in self._ring if item.place > after and listener.filter.admits(item)]

    def detach(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        _listeners.set(len(self._listeners))

    def tell(self, status: str) -> None:
        """Everybody hears when it has changed."""
        if status != self.status:
            self.status = status
            for listener in self._listeners:
                listener.put(health(status))

    def beat(self) -> None:
        for listener in self._listeners:
            listener.put(HEARTBEAT)

    def close(self, reason: str) -> None:
        for listener in self._listeners:
            listener.leave(reason)
