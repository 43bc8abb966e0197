"""`GET /v1/events/stream`: server-sent events, resumed without a gap, kept within what the caller may see."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlencode
from uuid import UUID

import structlog

from libs.bus.waiting import within
from libs.kit.auth import CASE_READERS, Allowed
from libs.kit.problems import BadRequest, MethodNotAllowed, Problem, Unauthenticated, Unavailable
from services.gateway.door import asgi
from services.gateway.door.headers import Headers, value_of
from services.gateway.door.limits import AtOnce
from services.gateway.door.upstreams import ServiceDown, Upstreams
from services.gateway.identity.access_tokens import Access
from services.gateway.identity.directory import Caller, Directory
from services.gateway.identity.keys import SigningKey
from services.gateway.stream.hub import Hub, Listener
from services.gateway.stream.items import Filter, Item, dropped

log = structlog.get_logger()
BUFFER_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024
SEND_SECONDS = 30.0
_PAGE = 200
_METHODS = ["GET", "HEAD", "OPTIONS"]
_RETRY_MILLISECONDS = 1000
_READERS = Allowed(CASE_READERS)
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True)
class Request:
    """What a listener asks for."""

    after: int | None
    types: tuple[str, ...]
    case_id: str | None
    account_id: str | None

    @classmethod
    def of(cls, scope: asgi.Scope) -> Self:
        """Raises BadRequest."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        last = value_of(scope["headers"], b"last-event-id") or _one(query, "last_event_id")
        return cls(_place(last), tuple(query.get("type", ())), _id(query, "case_id"), _id(query, "account_id"))

    def replay(self, after: int) -> str:
        """The same of activity's replay."""
        asked = {"case_id": self.case_id, "account_id": self.account_id}
        pairs = [("after", str(after)), ("limit", str(_PAGE)), *(("type", each) for each in self.types)]
        return f"/v1/events?{urlencode(pairs + [(name, value) for name, value in asked.items() if value])}"


@dataclass
class _Seat:
    """On whose word a listener sits here; `clear` closes a connection that takes nothing any more, just as it is."""

    access: Access
    caller: Caller
    task: asyncio.Task[Any] | None = field(default_factory=asyncio.current_task)
    cleared: bool = False

    def clear(self) -> None:
        self.cleared = True
        if self.task:
            self.task.cancel()


class Listening:
    """Serves listeners until they leave, are too slow, or may not listen any more."""

    def __init__(
        self,
        hub: Hub,
        upstreams: Upstreams,
        directory: Directory,
        key: SigningKey,
        *,
        most: int,
        each: int,
        heartbeat: float,
    ) -> None:
        self._hub, self._upstreams, self._directory, self._key = hub, upstreams, directory, key
        self._most, self._heartbeat = most, heartbeat
        self._seats: dict[Listener, _Seat] = {}
        self._streams = AtOnce(each, "streams")

    async def serve(
        self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, access: Access, caller: Caller, added: Headers
    ) -> None:
        """Answers with `added` headers. Raises a Problem before the first byte, never after it."""
        match scope["method"]:
            case "GET":
                _READERS.check(caller.principal)
            case "HEAD":
                _READERS.check(caller.principal)
                await _bare(send, 200, _HEADERS + added)
                return
            case "OPTIONS":
                await _bare(send, 204, [(b"allow", ", ".join(_METHODS).encode()), *added])
                return
            case _:
                raise MethodNotAllowed(_METHODS)
        if self._streams.total >= self._most:
            raise Unavailable("There are too many listeners; try again.", retry_after=5, dependency="gateway")
        with self._streams.one(access.client_id, "client_streams"):
            await self._serve(scope, receive, send, access, caller, added)

    async def _serve(
        self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, access: Access, caller: Caller, added: Headers
    ) -> None:
        if self._hub.position is None:
            raise ServiceDown("activity", "activity has not been heard of yet; try again.")
        asked = Request.of(scope)
        begin, page = self._hub.position if asked.after is None else asked.after, None
        # The feed is behind activity; or this is a place of another stream, which began anew.
        if begin > self._hub.position:
            page = await self._page(asked, begin, caller)
            begin = min(begin, page["position"])
        may_see = Filter.of(caller.principal, types=asked.types, case_id=asked.case_id, account_id=asked.account_id)
        listener = Listener(may_see, begin, limit=BUFFER_BYTES)
        missed = self._hub.attach(listener, begin) if page is None else None
        if missed is None and page is None:
            page = await self._page(asked, begin, caller)
        seat = self._seats[listener] = _Seat(access, caller)
        gone = asyncio.create_task(_until_gone(receive, listener))
        try:
            await asgi.start(send, 200, _HEADERS + added)
            await asgi.body(send, b"retry: %d\nid: %d\n\n" % (_RETRY_MILLISECONDS, begin), more=True)
            if page is not None:
                missed = await self._catch_up(asked, listener, page, send, caller)
            await _hand_over(listener, send, missed or ())
            await _pump(listener, send)
        except asyncio.CancelledError:
            if not seat.cleared:
                raise
        finally:
            gone.cancel()
            del self._seats[listener]
            self._hub.detach(listener)

    async def _page(self, asked: Request, after: int, caller: Caller) -> dict[str, Any]:
        """What the caller may see after a place, as activity has it; the caller's own token asks."""
        page: dict[str, Any] = await self._upstreams.json(
            "activity", asked.replay(after), token=caller.internal_token(self._key)
        )
        return page

    async def _catch_up(
        self, asked: Request, listener: Listener, page: dict[str, Any], send: asgi.Send, caller: Caller
    ) -> list[Item] | None:
        """Replays page by page until the ring goes on from there; what the ring holds beyond."""
        while listener.reason is None:
            await _hand_over(listener, send, [Item.of(event) for event in page["items"]])
            missed = self._hub.attach(listener, page["position"])
            if missed is not None:
                return missed
            try:
                page = await self._page(asked, page["position"], caller)
            except Problem as problem:
                log.warning("a replay broke off", error=problem.detail)
                listener.leave("replay broke off")
        return None

    async def beat(self, stopping: asyncio.Event) -> None:
        """A sign of life for everybody, and a look at who may still listen; until the process stops."""
        while not stopping.is_set():
            await within(self._heartbeat, stopping)
            self._hub.beat()
            try:
                await self._send_away()
            except Exception as error:
                log.error("cannot look who may listen", exc_info=error)
        for listener in self._seats:
            listener.leave("closing")

    async def _send_away(self) -> None:
        """Those whose token has expired, whose client was disabled or sees other accounts now, who take nothing any more."""
        for listener, seat in list(self._seats.items()):
            if listener.stuck_since is not None and time.monotonic() - listener.stuck_since > SEND_SECONDS:
                seat.clear()
                continue
            if seat.access.expires <= time.time():
                listener.leave("token expired")
                continue
            try:
                now = await self._directory.caller(seat.access)
            except Unauthenticated:
                listener.leave("not allowed any more")
            except Problem as problem:
                log.warning("cannot look who may listen", error=problem.detail)
                return
            else:
                if now.principal != seat.caller.principal:
                    listener.leave("sees something else now")


async def _bare(send: asgi.Send, status: int, headers: Headers) -> None:
    await asgi.start(send, status, headers)
    await asgi.body(send, b"")


async def _hand_over(listener: Listener, send: asgi.Send, items: Sequence[Item]) -> None:
    """What came before: as fast as the connection takes it, beside the buffer for what comes meanwhile."""
    frames: list[bytes] = []
    size = 0
    for item in items:
        if listener.reason is not None:
            return
        frames.append(item.frame)
        size += len(item.frame)
        if size >= CHUNK_BYTES or item is items[-1]:
            await _sent(listener, send, b"".join(frames), item.place)
            frames, size = [], 0


async def _pump(listener: Listener, send: asgi.Send) -> None:
    """Sends what the hub has put into the buffer, as fast as the connection takes it."""
    while listener.reason is None:
        await listener.woken.wait()
        frames, place = listener.take()
        if frames:
            await _sent(listener, send, frames, place)
    listener.stuck_since = time.monotonic()
    await asgi.body(send, dropped(listener.last, listener.reason))


async def _sent(listener: Listener, send: asgi.Send, frames: bytes, place: int | None) -> None:
    # Looked at by the heartbeat: a timeout around each frame for each listener would cost as much as sending it.
    listener.stuck_since = time.monotonic()
    await asgi.body(send, frames, more=True)
    listener.stuck_since = None
    if place is not None:
        listener.last = place


async def _until_gone(receive: asgi.Receive, listener: Listener) -> None:
    await asgi.until_gone(receive)
    listener.leave("left")


def _one(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    if len(values) > 1:
        raise BadRequest(f"{name} is given more than once.")
    return values[0] if values else None


def _id(query: dict[str, list[str]], name: str) -> str | None:
    value = _one(query, name)
    try:
        return None if value is None else str(UUID(value))
    except ValueError:
        raise BadRequest(f"{name} is not a UUID.") from None


def _place(value: str | None) -> int | None:
    if value is None:
        return None
    if len(value) > 19 or not value.isascii() or not value.isdigit() or int(value) >= 2**63:
        raise BadRequest("Last-Event-ID is not one that this stream gave out.")
    return int(value)
