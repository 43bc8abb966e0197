"""How an answer leaves the door: as small as the caller takes it, and a problem in the caller's language.

A stream of events, a file, and what is small go out as they are. A coding changes an ETag (RFC 9110, section 8.8.3): `"7"` is
`"7-gzip"` outside, and `headers.inward` takes that back from what a caller sends.
"""

import asyncio
import sys
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pydantic_core

from services.gateway.documents.problem_types import IN_VIETNAMESE, LANGUAGES
from services.gateway.door import asgi
from services.gateway.door.headers import CODINGS, Headers
from services.gateway.door.languages import wanted

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEAST = 1024
"""Below this a packet is a packet."""
_WHOLE = 64 * 1024
"""So much comes in one piece (see `asgi.body`) and is compressed at once; of more, each piece is compressed in a thread."""
_PROBLEM = b"application/problem+json"
_TEXTS = frozenset((b"application/json", _PROBLEM, b"text/html", b"text/calendar", b"text/plain", b"text/css"))
Coder = tuple[Callable[[bytes], bytes], Callable[[], bytes]]


def leaving(scope: asgi.Scope, send: asgi.Send) -> asgi.Send:
    """A `send` for the answer to this request."""
    return _Leaving(scope, send)


class _Leaving:
    """One answer. Its start is held until its body is there, when that comes whole."""

    def __init__(self, scope: asgi.Scope, send: asgi.Send) -> None:
        self._send, self._bodiless = send, scope["method"] == "HEAD"
        self._coding: str | None = None
        self._language: str | None = None
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                self._coding = wanted(value.decode("latin-1"), CODINGS)
            elif name == b"accept-language":
                self._language = wanted(value.decode("latin-1"), LANGUAGES)
        self._held: asgi.Message | None = None
        self._coder: Coder | None = None

    async def __call__(self, message: asgi.Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._held is not None:
            start, self._held = self._held, None
            await self._whole(start, message)
        elif self._coder is not None:
            await self._send({**message, "body": await self._piece(self._coder, message)})
        else:
            await self._send(message)

    async def _start(self, message: asgi.Message) -> None:
        headers: Headers = message["headers"]
        kind, size = b"", _WHOLE + 1
        for name, value in headers:
            if name == b"content-type":
                kind = value.partition(b";")[0]
            elif name == b"content-length":
                size = int(value)
            elif name == b"content-encoding":  # it has been done
                await self._send(message)
                return
        if kind not in _TEXTS:
            await self._send(message)
            return
        translates = kind == _PROBLEM and self._language == "vi" and size <= _WHOLE
        codes = self._coding if size >= _LEAST else None
        added = [(b"vary", b"accept-encoding")]
        if kind == _PROBLEM:
            added += [(b"vary", b"accept-language"), (b"content-language", b"vi" if translates else b"en")]
        message = {**message, "headers": headers + added}
        if not translates and not codes:
            await self._send(message)
        elif self._bodiless:
            await self._send(_sized(message, codes, None))
        elif size <= _WHOLE:
            self._language = "vi" if translates else None
            self._held = message
        elif codes:
            self._coder = _coder(codes)
            await self._send(_sized(message, codes, None))

    async def _whole(self, start: asgi.Message, message: asgi.Message) -> None:
        content = message.get("body", b"")
        if self._language:
            content = _in_vietnamese(content)
        coding = self._coding if len(content) >= _LEAST else None
        if coding:
            content = _compressed(content, coding)
        await self._send(_sized(start, coding, len(content)))
        await self._send({**message, "body": content})

    async def _piece(self, coder: Coder, message: asgi.Message) -> bytes:
        take, end = coder
        content = message.get("body", b"")
        coded = await asyncio.to_thread(take, content) if len(content) >= _WHOLE else take(content)
        return coded if message.get("more_body") else coded + end()


def _sized(start: asgi.Message, coding: str | None, size: int | None) -> asgi.Message:
    """The head of an answer in this coding and of this size, which is not told where nobody knows it yet."""
    headers = [each for each in start["headers"] if each[0] != b"content-length"]
    if coding:
        end = f'-{coding}"'.encode()
        headers = [(name, value.removesuffix(b'"') + end if name == b"etag" else value) for name, value in headers]
        headers.append((b"content-encoding", coding.encode()))
    if size is not None:
        headers.append((b"content-length", str(size).encode()))
    return {**start, "headers": headers}


def _compressed(content: bytes, coding: str) -> bytes:
    if coding == "zstd":
        return zstd.compress(content, 3)
    if coding == "br":
        found: bytes = brotli.compress(content, quality=4)
        return found
    take, end = _coder(coding)
    return take(content) + end()


def _coder(coding: str) -> Coder:
    if coding == "zstd":
        by_zstd = zstd.ZstdCompressor(3)
        return by_zstd.compress, by_zstd.flush
    if coding == "br":
        by_brotli = brotli.Compressor(quality=4)
        return by_brotli.process, by_brotli.finish
    by_gzip = zlib.compressobj(5, wbits=31)
    return by_gzip.compress, by_gzip.flush


def _in_vietnamese(content: bytes) -> bytes:
    """The problem with the title and text of its kind for its own; what was said in English stays beside."""
    problem: dict[str, Any] = pydantic_core.from_json(content)
    title, text = IN_VIETNAMESE.get(problem["type"], (problem["title"], problem["detail"]))
    return pydantic_core.to_json({**problem, "title": title, "detail": text, "detail_en": problem["detail"]})
