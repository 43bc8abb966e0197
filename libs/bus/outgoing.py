"""The HTTP client of calls to the outside: bounded in time and in what it reads, no redirects, nothing from the environment."""

import zlib
from typing import Any

import httpx

ANSWER_BYTES = 2 * 1024 * 1024
"""An answer is read up to here, unless the call states another limit: `extensions={"answer_bytes": n}`."""
_AS_IT_COMES = {"accept-encoding": "identity"}
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


class AnswerTooLarge(httpx.TransportError):
    """More was sent than the call is ready to read. What the other side did is unknown."""


class OutgoingClient(httpx.AsyncClient):
    """An httpx client that never holds more of an answer than the call's limit, packed or unpacked."""

    def __init__(self, *, timeout: float, connections: int = 100) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        super().__init__(timeout=timeout, follow_redirects=False, trust_env=False, headers=_AS_IT_COMES, limits=limits)

    async def send(self, request: httpx.Request, *, stream: bool = False, **how: Any) -> httpx.Response:
        """Raises AnswerTooLarge, and what httpx raises."""
        answer = await super().send(request, stream=True, **how)
        if stream:
            return answer
        try:
            content = await _read(answer, request.extensions.get("answer_bytes", ANSWER_BYTES))
        finally:
            await answer.aclose()
        headers = [(name, value) for name, value in answer.headers.multi_items() if name not in _OF_THE_WIRE]
        return httpx.Response(
            answer.status_code, headers=headers, content=content, request=request, extensions=answer.extensions
        )


async def _read(answer: httpx.Response, limit: int) -> bytes:
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "deflate"):
        raise httpx.DecodingError(f"an answer encoded as {encoding!r} was not asked for", request=answer.request)
    unpack = None if encoding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as it comes
    content = bytearray()
    async for chunk in answer.aiter_raw():
        try:
            content += unpack.decompress(chunk, limit + 1 - len(content)) if unpack else chunk
        except zlib.error as error:
            raise httpx.DecodingError(f"the answer is not {encoding}", request=answer.request) from error
        if len(content) > limit:
            raise AnswerTooLarge(f"the answer has more than {limit} bytes", request=answer.request)
    return bytes(content)
