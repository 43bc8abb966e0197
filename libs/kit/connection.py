"""One connection at the edge: uvicorn's protocol with deadlines. ADR 15 says what of uvicorn it leans on."""

import asyncio
import json
import re
from collections.abc import Hashable, MutableMapping
from functools import partial
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from libs.kit import problems, proxies
from libs.kit.edge import (
    ANSWER,
    BODY,
    HEAD,
    LINGER,
    NEW,
    Edge,
    HeadTooLarge,
    Malformed,
    NotSpoken,
    TooManyConnections,
    TooSlow,
    refused,
)
from libs.kit.requests import PRIVATE, request_id

_HOST = re.compile(rb"[\w.\-~%!$&'()*+,;=:\[\]]*", re.ASCII)


def edge_config(edge: Edge, app: Any, **how: Any) -> uvicorn.Config:
    """Of a server whose connections are this edge's."""
    protocol: Any = partial(Connection, edge)
    # Each request begins with an empty context: what one of a pipeline binds is not the next one's.
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        reset_contextvars=True,
        **how,
    )


class Connection(HttpToolsProtocol):
    """One connection. It stands in for its transport before uvicorn's cycles, to count what they write and to close politely."""

    def __init__(self, edge: Edge, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.edge, self.limits = edge, edge.limits
        self.made = self.loop.time()
        self.phase, self.until, self.body_until = NEW, self.made + self.limits.first_byte, 0.0
        self.group: Hashable = None
        self.taken: str | None = None
        self.running: RequestResponseCycle | None = None
        self.is_proxy = self.served = self.foreign = self.keeps_up = self.completed = False
        self.head_size = self.body_size = self.window_size = self.wire_size = self.room = 0
        self.written = self.pace_from = 0
        self.pace_until = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.edge.came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell_that_it_left()
        self.edge.gone(self)
        super().connection_lost(exc)

    # --- what comes --------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        # Until a head has ended no more at once than one may have: what follows it is counted, however the reads fell.
        while len(data) > (most := self.limits.head_bytes) and self.phase is not BODY:
            self.data_received(data[:most])
            data = data[most:]
        before, size = self.phase, len(data)
        if before is LINGER:
            self.room -= size
            if self.room < 0:
                (self._linger if self.keeps_up else self.end)()
            if not self.keeps_up:
                return
        self.completed = False
        self._feed(data)
        if before is BODY:
            self.wire_size += size
            # Chunks of a byte take six. What is far more than its bytes is extensions and trailers without end.
            if self.phase is BODY and self.wire_size > 8 * self.body_size + self.limits.head_bytes:
                self.refuse(HeadTooLarge("There is too much beside the body."), "head")
        elif self.phase is HEAD and not self.completed:  # what came before it in the same read is no head
            self.head_size += size
            if self.head_size > self.limits.head_bytes:
                self.refuse(self._too_large(), "head")

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._as_if_not_upgrading(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            found = error.__context__
            if isinstance(found, problems.Problem):
                self.refuse(found, "head" if isinstance(found, HeadTooLarge) else "malformed")
            else:
                self.refuse(Malformed("This is not a request of HTTP/1.1."), "malformed")

    def _as_if_not_upgrading(self, rest: bytes) -> None:
        """RFC 9110, section 7.8: Upgrade may be ignored; the parser takes what follows it, a body too, for another protocol."""
        if self.phase is not HEAD:
            return
        lines = [self.parser.get_method(), b" ", self.url, b" HTTP/", self.parser.get_http_version().encode(), b"\r\n"]
        for name, value in self.headers:
            lines += [name, b": ", value, b"\r\n"] if name != b"upgrade" else []
        self.parser, self.foreign = httptools.HttpRequestParser(self), False
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(b"".join([*lines, b"\r\n", rest]))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.phase, self.until, self.head_size = HEAD, self.loop.time() + self.limits.head, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase is not HEAD:
            return  # a trailer, which is no header
        if len(self.headers) >= self.limits.head_lines:
            raise self._too_large()
        # Uvicorn's own, without a second call for each header.
        name, value = name.lower(), value.rstrip(b" \t")
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._check_head()
        if self.parser.should_upgrade():
            self.foreign = True
            return
        if len(self.pipeline) >= self.limits.pipelined:
            raise Malformed(f"At most {self.limits.pipelined} requests may wait for their answers.")
        now = self.loop.time()
        self.phase, self.until, self.body_until = BODY, now + self.limits.body_window, now + self.limits.body
        self.body_size = self.window_size = self.wire_size = 0
        super().on_headers_complete()

    def _check_head(self) -> None:
        """Raises HeadTooLarge, Malformed, NotSpoken."""
        size, hosts = len(self.url), 0
        if size > self.limits.target_bytes:
            raise self._too_large()
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            if name == b"host":
                hosts += 1
                if not _HOST.fullmatch(value):
                    raise Malformed("Host is not one.")
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                raise NotSpoken("Of transfer codings only chunked is spoken here.")
        if size > self.limits.head_bytes:
            raise self._too_large()
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise Malformed("Send Host, once.")
        if self.parser.get_method() == b"CONNECT":
            raise NotSpoken("This is no proxy.")

    def on_body(self, body: bytes) -> None:
        self.body_size += len(body)
        self.window_size += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.foreign:
            return
        super().on_message_complete()
        self.completed = True
        if self.phase is LINGER:  # what was left of a body when its answer had been sent
            self._wait_for_next()
        else:
            self.phase = ANSWER
            self.edge.idle.pop(self, None)

    # --- what goes ---------------------------------------------------------------------------------------------------

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.running = cycle
        cycle.transport = self  # type: ignore[assignment]
        state, id = cycle.scope["state"], request_id()
        cycle.default_headers = [*self.server_state.default_headers, (b"x-request-id", id.encode())]
        state["request_id"], state["caller_known"] = id, self.caller_known
        if self.is_proxy:
            lines = tuple(value for name, value in cycle.scope["headers"] if name == b"x-forwarded-for")
            address = proxies.origin(self.client[0] if self.client else "", lines, self.edge.trusted)
            cycle.scope["client"] = (address, 0)
            if not self.edge.take(self, address):
                app = problems.answer(TooManyConnections("There are too many requests in flight; try again."))
        if cycle.scope["http_version"] == "1.0":
            app = _unchunked(cycle, app)
        super()._start_asgi_task(cycle, app)

    def caller_known(self, who: Hashable) -> None:
        self.edge.known(self, who)

    def on_response_complete(self) -> None:
        """Uvicorn's own, without a timer for each answer."""
        self.server_state.total_requests += 1
        self.edge.release(self)
        self.served = True
        if self.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.phase is BODY:
            self.phase, self.keeps_up = LINGER, True
            self.until, self.room = self.loop.time() + self.limits.rest, self.limits.rest_bytes
        elif self.phase is ANSWER:
            self._wait_for_next()

    def _wait_for_next(self) -> None:
        seconds = self.limits.keep_alive_proxied if self.is_proxy else self.limits.keep_alive
        self.phase, self.until, self.keeps_up = NEW, self.loop.time() + seconds, False
        if self in self.edge.strangers:
            self.edge.idle[self] = None

    def write(self, data: bytes) -> None:
        self.written += len(data)
        self.transport.write(data)

    def close(self) -> None:
        """After an answer that is the last: with a body still under way a plain close would lose it."""
        (self._linger if self.phase is BODY else self.transport.close)()

    def is_closing(self) -> bool:
        return self.phase is LINGER or self.transport.is_closing()

    # --- the end -----------------------------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Once a sweep: ends what has had its time."""
        if self.flow.read_paused:  # we are the slow ones
            self.until += self.edge.seconds_since
            self.body_until += self.edge.seconds_since
        if self.phase is BODY:
            self._look_at_body(now)
        elif self.phase is not ANSWER and now > self.until:
            if self.phase is LINGER:
                (self._linger if self.keeps_up else self.end)()
            elif self.phase is NEW and self.served:
                self.transport.close()
            else:
                self.refuse(TooSlow("The request's head did not come in time."), "head_slow")
        waiting = self.transport.get_write_buffer_size()
        if not waiting:
            self.pace_until = 0.0
        elif not self.pace_until or now > self.pace_until:
            if self.pace_until and self.written - waiting - self.pace_from < self.limits.answer_window_bytes:
                refused.labels("answer_slow").inc()
                self.end()
            self.pace_until, self.pace_from = now + self.limits.answer_window, self.written - waiting

    def _look_at_body(self, now: float) -> None:
        if now > self.body_until or (now > self.until and self.window_size < self.limits.body_window_bytes):
            self.refuse(TooSlow("The request's body did not come in time."), "body_slow")
        elif now > self.until:
            self.until, self.window_size = now + self.limits.body_window, 0

    def refuse(self, problem: problems.Problem, why: str) -> None:
        """The problem as the last answer, unless one has begun, which can only be broken off."""
        refused.labels(why).inc()
        busy = self.running is not None and not self.running.response_complete
        begun = self.running is not None and busy and self.running.response_started
        if begun or self.is_closing() or (busy and (self.running is not self.cycle or self.phase is HEAD)):
            self.end()
            return
        self._tell_that_it_left()
        content = json.dumps(problems.body_of(problem)).encode()
        headers = [
            *self.server_state.default_headers, *PRIVATE, (b"content-type", problems.MEDIA_TYPE.encode()),
            (b"content-length", str(len(content)).encode()), (b"connection", b"close"), (b"x-request-id", request_id().encode()),
            *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
        ]  # fmt: skip
        lines = [name + b": " + value for name, value in headers]
        self.write(STATUS_LINE[problem.status] + b"\r\n".join([*lines, b"", content]))
        self._linger()

    def _linger(self) -> None:
        """Sends no more and throws away what still comes: to close at once, with something unread, would lose the answer."""
        self.edge.release(self)
        self.edge.leave(self)
        self.edge.lingering[self] = None
        self.phase, self.keeps_up = LINGER, False
        self.until, self.room = self.loop.time() + self.limits.linger, self.limits.linger_bytes
        self.transport.write_eof()
        self.flow.resume_reading()

    def end(self) -> None:
        """At once, with what is unsent."""
        self.edge.gone(self)
        self.transport.abort()

    def _tell_that_it_left(self) -> None:
        """Every request under way: uvicorn tells the newest of a pipeline alone."""
        for cycle in (self.running, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def _too_large(self) -> HeadTooLarge:
        limits = self.limits
        told = f"{limits.target_bytes} bytes of target, {limits.head_lines} lines, {limits.head_bytes} bytes in all"
        return HeadTooLarge(f"A request's head may have {told}.")


def _unchunked(cycle: RequestResponseCycle, app: Any) -> Any:
    """For HTTP/1.0, which has no chunks: the end of the connection is the end of an answer without a length."""
    cycle.chunked_encoding = False

    async def run(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sending)

    return run
