"""One line and one id for each request, in a service."""

import io
import json
import logging
import re
import resource
from collections.abc import Iterator

import pytest
import structlog

from libs.kit import edge, telemetry
from libs.kit.tests.conftest import Api


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    out, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    telemetry.configure("parcels", stream=out)
    yield out
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    telemetry._quickly = None


async def test_a_service_takes_the_doors_id_answers_with_it_and_writes_one_line(api: Api, lines: io.StringIO) -> None:
    id = "0123456789abcdef01234567"
    headers = {**api.headers(), "x-request-id": id}
    answer = await api.http.get("/v1/parcels/0b8e7a52-0000-7000-8000-000000000000", headers=headers)
    assert answer.headers.get_list("x-request-id") == [id]
    (told,) = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert (told["event"], told["method"], told["path"]) == ("request", "GET", "/v1/parcels/{parcel_id}")
    assert (told["status"], told["request_id"], told["level"]) == (404, id, "info")
    assert told["actor"].startswith("engineer:")
    assert told["ms"] > 0
    assert len(told["trace_id"]) == 32


async def test_what_stands_in_a_query_is_in_no_line(api: Api, lines: io.StringIO) -> None:
    answer = await api.http.get("/v1/parcels/0b8e7a52-0000-7000-8000-000000000000?note=secret", headers=api.headers())
    assert answer.status_code == 400
    assert "/v1/parcels" in lines.getvalue()
    assert "secret" not in lines.getvalue()


@pytest.mark.parametrize("given", [None, "x", "0" * 23 + "\u00e9", "A" * 24, "0" * 25])
async def test_an_id_that_the_door_did_not_make_is_not_taken(api: Api, given: str | None) -> None:
    answer = await api.http.get("/v1/nothing", headers=[(b"x-request-id", given.encode("latin-1"))] if given else None)
    assert answer.headers["x-request-id"] != given
    assert re.fullmatch("[0-9a-f]{24}", answer.headers["x-request-id"])


async def test_a_probe_is_told_of_when_it_fails_alone(api: Api, lines: io.StringIO) -> None:
    assert (await api.http.get("/healthz")).status_code == 200
    assert lines.getvalue() == ""


def test_where_few_files_may_be_open_few_connections_are_taken_and_it_is_said(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = [1024, 20_000]

    def set_limit(_: int, wanted: tuple[int, int]) -> None:
        limit[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limit))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    assert edge.room_for(8000) == 8000
    assert (limit, lines.getvalue()) == ([20_000, 20_000], "")
    limit[:] = [1024, 4096]
    assert edge.room_for(8000) == 2596
    assert json.loads(lines.getvalue())["connections"] == 2596
