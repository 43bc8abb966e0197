import gzip
import tracemalloc
import zlib

import httpx
import pytest
from aiohttp import web

from libs.bus.outgoing import ANSWER_BYTES, AnswerTooLarge, OutgoingClient
from libs.bus.tests.receiver import Receiver

_CHUNK = b"x" * 65536
_ENDLESS = 4096  # chunks: 256 MiB, far more than anybody reads


async def _endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(_ENDLESS):
        await answer.write(_CHUNK)
    return answer


def _packed(content: bytes, encoding: str) -> web.Response:
    return web.Response(body=content, headers={"content-encoding": encoding, "content-type": "text/plain"})


async def _get(url: str, *, limit: int | None = None) -> httpx.Response:
    async with OutgoingClient(timeout=10) as http:
        return await http.get(url, extensions={} if limit is None else {"answer_bytes": limit})


async def test_an_answer_without_an_end_is_left_at_the_limit_and_never_held(receiver: Receiver) -> None:
    receiver.answers["/endless"] = _endless
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLarge):
            await _get(f"{receiver.url}/endless")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * ANSWER_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_unpacked_no_further_than_the_limit(receiver: Receiver, encoding: str) -> None:
    plain = b"0" * (64 * ANSWER_BYTES)
    bomb = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)

    async def answer(_: web.Request) -> web.StreamResponse:
        return _packed(bomb, encoding)

    receiver.answers["/bomb"] = answer
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLarge):
            await _get(f"{receiver.url}/bomb")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * ANSWER_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_what_is_within_the_limit_arrives_whole(receiver: Receiver, encoding: str) -> None:
    plain = "nghìn lời nói".encode() * 1000
    packed = {"gzip": gzip.compress(plain), "deflate": zlib.compress(plain), "identity": plain}[encoding]

    async def answer(_: web.Request) -> web.StreamResponse:
        return _packed(packed, encoding)

    receiver.answers["/whole"] = answer
    found = await _get(f"{receiver.url}/whole", limit=len(plain))
    assert found.content == plain
    assert found.text.startswith("nghìn")
    with pytest.raises(AnswerTooLarge):
        await _get(f"{receiver.url}/whole", limit=len(plain) - 1)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "nonsense"])
async def test_an_encoding_that_nobody_asked_for_is_an_error(receiver: Receiver, encoding: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return _packed(b"abc", encoding)

    receiver.answers["/odd"] = answer
    with pytest.raises(httpx.DecodingError):
        await _get(f"{receiver.url}/odd")


async def test_what_is_not_gzip_though_it_says_so_is_an_error(receiver: Receiver) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return _packed(b"certainly no gzip", "gzip")

    receiver.answers["/false"] = answer
    with pytest.raises(httpx.DecodingError):
        await _get(f"{receiver.url}/false")


async def test_a_redirect_is_handed_back_and_not_followed(receiver: Receiver) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"location": "/elsewhere"})

    receiver.answers["/moved"] = answer
    assert (await _get(f"{receiver.url}/moved")).status_code == 302
    assert receiver.calls["/elsewhere"] == 0
