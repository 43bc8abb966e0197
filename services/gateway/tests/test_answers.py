"""How an answer leaves the door: compressed, and a problem in the caller's language."""

import gzip
import json
import sys
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.door.languages import wanted
from services.gateway.tests.stage import Stage

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DECODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}
SIZES = [2_000, 60_000, 70_000, 1_000_000]


def text_of(size: int) -> str:
    return json.dumps({"text": ("Camera của Studio X70 không nhận hình. " * (size // 40 + 1))[:size]})


def a_service() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.api_route("/v1/rmas/{size}", methods=["GET", "HEAD"])
    async def rma(size: int) -> Response:
        return Response(text_of(size), headers={"etag": '"7"'}, media_type="application/json")

    @app.patch("/v1/rmas/{size}")
    async def change(size: int, request: Request) -> dict[str, str]:
        return {"if_match": request.headers["if-match"]}

    @app.get("/v1/parts/{kind}")
    async def part(kind: str) -> Response:
        if kind == "coded":
            content = gzip.compress(text_of(9_000).encode())
            return Response(content, headers={"content-encoding": "gzip"}, media_type="application/json")
        if kind == "streamed":
            return StreamingResponse((b"[1,2,3]" for _ in range(1000)), media_type="application/json")
        if kind.isdigit():
            return Response(b"[%*d]" % (int(kind) - 2, 7), media_type="application/json")
        return Response(b"a" * 9_000, media_type="application/octet-stream")

    return app


async def raw(http: httpx.AsyncClient, method: str, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it came."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.stream(method, path, headers={"accept-encoding": "identity", **named}) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


async def opened(stage: Stage) -> httpx.AsyncClient:
    await stage.start("rma", a_service())
    return await stage.client(url=(await stage.open()).url)


@pytest.mark.parametrize("coding", DECODED)
async def test_what_is_large_goes_out_small_and_is_the_same(stage: Stage, coding: str) -> None:
    http = await opened(stage)
    for size in SIZES:
        plain, whole = await raw(http, "GET", f"/v1/rmas/{size}")
        answer, content = await raw(http, "GET", f"/v1/rmas/{size}", accept_encoding=coding)
        assert DECODED[coding](content) == whole == text_of(size).encode()
        assert len(content) < len(whole) / 4
        assert (answer.headers["content-encoding"], answer.headers["etag"]) == (coding, f'"7-{coding}"')
        assert ("content-encoding" not in plain.headers, plain.headers["etag"]) == (True, '"7"')
        assert {each.headers["vary"] for each in (answer, plain)} == {"accept-encoding"}
        if "content-length" in answer.headers:
            assert int(answer.headers["content-length"]) == len(content)
        head, nothing = await raw(http, "HEAD", f"/v1/rmas/{size}", accept_encoding=coding)
        assert (head.headers["content-encoding"], head.headers["etag"], nothing) == (coding, f'"7-{coding}"', b"")
        assert head.headers.get("content-length") in (None, str(len(content)))


async def test_an_etag_of_a_compressed_answer_is_the_service_s_own_again(stage: Stage) -> None:
    http = await opened(stage)
    for tag in ('"7-gzip"', '"7-br"', '"7-zstd"', '"7"', 'W/"7-gzip"'):
        answer = await http.patch("/v1/rmas/1", headers={"if-match": tag})
        assert answer.json() == {"if_match": tag.partition("-")[0].removesuffix('"') + '"'}


@pytest.mark.parametrize("path", ["/v1/rmas/100", "/v1/parts/file", "/v1/parts/coded"])
async def test_what_is_small_a_file_or_coded_already_goes_out_as_it_is(stage: Stage, path: str) -> None:
    http = await opened(stage)
    plain, coded = [await raw(http, "GET", path, accept_encoding=each) for each in ("identity", "zstd, br, gzip")]
    assert coded[1] == plain[1]
    assert coded[0].headers.get("content-encoding") == plain[0].headers.get("content-encoding")
    assert coded[0].headers["content-length"] == str(len(plain[1]))


async def test_a_kilobyte_is_the_least_that_is_compressed(stage: Stage) -> None:
    http = await opened(stage)
    for size, coding in ((1_023, None), (1_024, "gzip")):
        plain, whole = await raw(http, "GET", f"/v1/parts/{size}")
        answer, content = await raw(http, "GET", f"/v1/parts/{size}", accept_encoding="gzip")
        assert (len(whole), plain.headers.get("content-encoding")) == (size, None)
        assert answer.headers.get("content-encoding") == coding
        assert (gzip.decompress(content) if coding else content) == whole


async def test_what_comes_in_pieces_goes_out_in_pieces(stage: Stage) -> None:
    http = await opened(stage)
    answer, content = await raw(http, "GET", "/v1/parts/streamed", accept_encoding="br")
    assert answer.headers["content-encoding"] == "br"
    assert brotli.decompress(content) == b"[1,2,3]" * 1000


async def test_a_stream_of_events_is_never_compressed(stage: Stage) -> None:
    http = await stage.client()
    head, _ = await raw(http, "HEAD", "/v1/events/stream", accept_encoding="gzip")
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "content-encoding" not in head.headers
    options = await http.options("/v1/events/stream")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_the_documents_are_compressed_too(stage: Stage) -> None:
    http = await stage.http()
    for path in ("/asyncapi.json", "/openapi.json", "/docs"):
        plain = (await raw(http, "GET", path))[1]
        answer, content = await raw(http, "GET", path, accept_encoding="gzip, br;q=1.0, *;q=0.5")
        assert DECODED[answer.headers["content-encoding"]](content) == plain


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, br, zstd", "zstd"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("br;q=x", None),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("deflate, gzip ; q=0.3", "gzip"),
        ("gzip," * 100, None),
    ],
)
def test_the_caller_s_choice_counts(header: str | None, found: str | None) -> None:
    assert wanted(header, ("zstd", "br", "gzip")) == found


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("vi", "vi"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("en, vi;q=0.5", "en"),
        ("fr", "en"),
        ("vi;q=0", "en"),
        ("*", "en"),
    ],
)
async def test_a_problem_is_told_in_the_caller_s_language(stage: Stage, header: str, language: str) -> None:
    http = await stage.client()
    for path, status in (("/v1/nothing", 404), ("/v1/clients", 403)):
        english = await http.get(path)
        answer = await http.get(path, headers={"accept-language": header})
        problem: dict[str, Any] = answer.json()
        assert (answer.status_code, answer.headers["content-language"]) == (status, language)
        assert "accept-language" in answer.headers["vary"]
        if language == "en":
            assert problem == english.json()
        else:
            assert problem["title"] == {403: "Không được phép", 404: "Không tìm thấy"}[status]
            assert problem["detail_en"] == english.json()["detail"]
            assert problem["detail"] not in ("", problem["detail_en"])
            assert problem["type"] == english.json()["type"]


async def test_the_catalogue_of_problems_is_told_in_the_caller_s_language(stage: Stage) -> None:
    http = await stage.client("customer")
    for header, language in (("vi", "vi"), ("de, en;q=0.1", "en")):
        answer = await http.get("/v1/problem-types", headers={"accept-language": header})
        assert answer.headers["content-language"] == language
        assert "accept-language" in answer.headers["vary"]
        for each in answer.json()["items"]:
            assert {"title": each["title"], "text": each["text"]} == each["words"][language]
            one = await http.get(f"/v1/problem-types/{each['name']}", headers={"accept-language": header})
            assert one.json() == each
            assert "accept-language" in one.headers["vary"]
    assert (await http.get("/v1/problem-types/none-such")).status_code == 404
