"""The services behind the door: a pool of kept connections, requests handed on and answers handed back as they come."""

import asyncio
from collections.abc import AsyncIterator, Container, Mapping
from typing import Any

import aiohttp
import pydantic_core
import structlog
from multidict import CIMultiDict
from opentelemetry.trace import SpanKind
from yarl import URL

from libs.kit.http import BodyTooLarge
from libs.kit.problems import Problem, Unavailable
from libs.kit.telemetry import histogram
from libs.store import tracing
from libs.store.reasons import reason
from services.gateway.door import asgi
from services.gateway.door.headers import Headers, outward, value_of
from services.gateway.door.pulses import Pulses

log = structlog.get_logger()
_WHOLE = 256 * 1024
"""Up to this size a body is held in memory: it can be sent again, and an answer goes out in one piece."""
_CALLER_SECONDS = 60.0
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_took = histogram("gateway_upstream_seconds", "Seconds until a service's answer began.", ["upstream"])


class ServiceDown(Unavailable):
    """The service does not answer, and the problem says which."""

    def __init__(self, service: str, detail: str | None = None) -> None:
        super().__init__(detail or f"{service} is not available; try again.", retry_after=2, dependency=service)


class ServiceTooSlow(Problem):
    status, title = 504, "No answer in time"


class CallerTooSlow(Problem):
    status, title = 408, "The request did not come in time"


class Upstreams:
    """`close()` when done."""

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        seconds: float,
        max_body: int,
        patience: float = 5.0,
        connections: int = 512,
        connect_seconds: float = 2.0,
    ) -> None:
        self.urls = dict(urls)
        self._max_body, self._seconds, self._connect_seconds = max_body, seconds, connect_seconds
        self._callers = self._session(connections)
        # What the gateway asks for itself, `/healthz` above all, does not wait behind callers that take their answers slowly.
        self.http = self._session(max(1, connections // 2))
        self._pulses = Pulses(self._is_well, patience=patience)
        self._listening = asyncio.create_task(self._pulses.listen(), name="pulses")

    def _session(self, connections: int) -> aiohttp.ClientSession:
        # A service closes a connection after 5 idle seconds; one that is older is not used again here.
        # `connect` is the whole way to a connection: to wait for one of those there may be, and to make it.
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=connections, keepalive_timeout=4),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_seconds, sock_read=self._seconds),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=_NOT_ADDED,
        )

    async def close(self) -> None:
        self._listening.cancel()
        await self.http.close()
        await self._callers.close()

    async def forward(
        self, service: str, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send, headers: Headers, added: Headers
    ) -> int:
        """Hands the request on and its answer back, with `added` headers; the answer's status. Raises a Problem."""
        content = await self._content(headers, receive) if _has_body(scope["headers"]) else b""
        if not isinstance(content, bytes):
            return await self._exchange(service, scope, None, send, headers, content, added)
        for retries in (1, 0) if _repeatable(scope["method"], headers) else (0,):
            try:
                return await self._exchange(service, scope, receive, send, headers, content, added)
            except ServiceDown as down:
                # The service may have closed a kept connection just as it was used: nothing tells until it is.
                if not retries or not _broke(down.__cause__):
                    raise
        raise AssertionError("the last try answers or raises")

    async def _exchange(
        self,
        service: str,
        scope: asgi.Scope,
        receive: asgi.Receive | None,
        send: asgi.Send,
        headers: Headers,
        content: Any,
        added: Headers,
    ) -> int:
        """`receive` tells that the caller left; None where the body is still read from it."""
        if self._pulses.is_silent(service):
            raise ServiceDown(service)
        base, query = self.urls[service], scope["query_string"].decode("latin-1")
        url = URL(base + scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""), encoded=True)
        sent = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        began = False
        try:
            with (
                _took.labels(service).time(),
                tracing.span(scope["method"], SpanKind.CLIENT, _seen(scope, url)) as span,
            ):
                if span.is_recording():
                    sent["traceparent"] = tracing.traceparent() or ""
                with self._pulses.heard(service) as hangs:
                    async with hangs:
                        response = await self._callers.request(
                            scope["method"], url, headers=sent, data=content or None, allow_redirects=False
                        )
                span.set_attribute("http.response.status_code", response.status)
            async with response:
                returned = outward(response.raw_headers)
                if response.status == 503 and not response.content_type.endswith("problem+json"):
                    raise ServiceDown(service, f"{service} has too much to do; try again.")
                returned = [(n, v.removeprefix(base.encode()) if n == b"location" else v) for n, v in returned] + added
                if response.content_length is not None and response.content_length <= _WHOLE:
                    whole = await response.read()
                    began = True
                    await asgi.start(send, response.status, returned)
                    await asgi.body(send, whole)
                else:
                    began = True
                    await asgi.start(send, response.status, returned)
                    await _pass_on(response.content.iter_any(), receive, send)
                return response.status
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            if began:
                # Too late for a problem: a body that breaks off tells the caller that the answer is not whole.
                log.warning("a service's answer broke off", upstream=service, path=scope["path"], error=reason(error))
                raise asgi.CallerLeft from error
            if isinstance(error.__cause__, Problem | asgi.CallerLeft):  # what ended the body that was being sent
                raise error.__cause__ from error
            raise self._problem(service, error) from error

    def _problem(self, service: str, error: Exception) -> Problem:
        match error:
            case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError():
                return ServiceDown(service)
            case TimeoutError() if self._pulses.is_silent(service):
                return ServiceDown(service, f"{service} hangs; repeat the request with the same Idempotency-Key.")
            case TimeoutError():
                return ServiceTooSlow(f"{service} gave no answer in {self._seconds:g} s.", dependency=service)
        return ServiceDown(
            service, f"The connection to {service} broke; repeat the request with the same Idempotency-Key."
        )

    async def _content(self, headers: Headers, receive: asgi.Receive) -> bytes | AsyncIterator[bytes]:
        """The body: all of it when it is small, else as it comes. Raises BodyTooLarge, CallerTooSlow."""
        length = int(value_of(headers, b"content-length") or 0)
        if length > self._max_body:
            raise BodyTooLarge(f"At most {self._max_body} bytes.", limit=self._max_body)
        chunks = asgi.body_chunks(receive)
        held = b""
        try:
            async with asyncio.timeout(_CALLER_SECONDS):
                async for chunk in chunks:
                    held += chunk
                    if len(held) > _WHOLE:
                        return self._rest(held, chunks)
        except TimeoutError:
            raise CallerTooSlow("The request's body did not come in time.") from None
        return held

    async def _rest(self, held: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size = len(held)
        yield held
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_body:
                raise BodyTooLarge(f"At most {self._max_body} bytes.", limit=self._max_body)
            yield chunk

    async def json(
        self,
        service: str,
        path_and_query: str,
        *,
        token: str | None = None,
        seconds: float = 5.0,
        taken: Container[int] = (200,),
    ) -> Any:
        """A GET of the gateway's own; `taken` are the statuses whose JSON is given back. Raises ServiceDown, ServiceTooSlow."""
        status, content = await self._get(service, path_and_query, token, seconds)
        if status not in taken:
            raise ServiceDown(service, f"{service} answered with {status}.")
        try:
            return pydantic_core.from_json(content)
        except ValueError as error:
            if status != 200:
                raise ServiceDown(service, f"{service} answered with {status}.") from error
            raise self._problem(service, error) from error

    async def knows(self, service: str, path: str, *, token: str, seconds: float = 5.0) -> bool:
        """Whether what the path names exists, as its owner says. Raises ServiceDown, also for an owner that is too slow."""
        try:
            status, _ = await self._get(service, path, token, seconds)
        except ServiceTooSlow as slow:
            raise ServiceDown(service, slow.detail) from slow
        if status not in (200, 404):
            raise ServiceDown(service, f"{service} answered with {status}.")
        return status == 200

    async def _get(self, service: str, path_and_query: str, token: str | None, seconds: float) -> tuple[int, bytes]:
        if self._pulses.is_silent(service):
            raise ServiceDown(service)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        timeout = aiohttp.ClientTimeout(total=seconds, connect=self._connect_seconds)
        try:
            url = URL(self.urls[service] + path_and_query, encoded=True)
            async with self.http.get(url, headers=headers, timeout=timeout, allow_redirects=False) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._problem(service, error) from error

    async def _is_well(self, service: str, seconds: float) -> bool:
        """Whether it answers within so long that it is there, or refuses the connection: then nothing waits for it."""
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self.http.get(URL(f"{self.urls[service]}/healthz", encoded=True), timeout=timeout):
                return True
        except TimeoutError:
            return False
        except (aiohttp.ClientError, ConnectionError):
            return True


async def _pass_on(chunks: AsyncIterator[bytes], receive: asgi.Receive | None, send: asgi.Send) -> None:
    """As it comes. Raises CallerLeft: what is sent then, the server drops without a word."""
    gone = asyncio.create_task(asgi.until_gone(receive)) if receive else None
    try:
        async for chunk in chunks:
            if gone and gone.done():
                raise asgi.CallerLeft
            await asgi.body(send, chunk, more=True)
        await asgi.body(send, b"")
    finally:
        if gone:
            gone.cancel()


def _seen(scope: asgi.Scope, url: URL) -> tracing.Attributes | None:
    if not tracing.recording():
        return None
    return {
        "http.request.method": scope["method"],
        "url.full": str(url),
        "server.address": url.host or "",
        "server.port": url.port or 80,
    }


def _has_body(headers: Headers) -> bool:
    """RFC 9112, section 6: one of these says so."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)


def _broke(error: BaseException | None) -> bool:
    """Whether there was a connection."""
    none = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    return isinstance(error, aiohttp.ClientConnectionError) and not isinstance(error, none)


def _repeatable(method: str, headers: Headers) -> bool:
    """Whether a second try has no second effect."""
    return method in ("GET", "HEAD") or (method == "POST" and value_of(headers, b"idempotency-key") is not None)
