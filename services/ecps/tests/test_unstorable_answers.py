"""What a partner's system answers is recorded, whatever characters are in it."""

import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.simulators.tests.receiving import free_socket, serving, url_of
from services.ecps.tests.builders import PartnerSystem, a_case_with_wish, a_partner, an_engagement
from tests.support.harness import Harness


@pytest.mark.parametrize(
    ("status", "answer", "state", "number"),
    [
        (422, {"message": "no \ud800 way\0"}, "not_openable", None),
        (201, {"id": "TT\0-1", "status": "\udfff", "href": "\0"}, "opened", "TT-1"),
    ],
)
async def test_an_answer_that_a_column_cannot_hold_is_recorded_all_the_same(
    ecps: Harness, monkeypatch: pytest.MonkeyPatch, status: int, answer: dict[str, Any], state: str, number: str | None
) -> None:
    async def tickets(request: Request) -> Response:
        if request.method == "GET":
            return Response("[]", media_type="application/json")
        ours = (await request.json())["externalIdentifier"]
        return Response(json.dumps(answer | {"externalIdentifier": ours}), status, media_type="application/json")

    theirs = free_socket()
    monkeypatch.setenv("POLYPLUS_SANDBOX_PEERS", url_of(theirs).removeprefix("http://"))
    app = Starlette(routes=[Route("/{path:path}", tickets, methods=["GET", "POST"])])
    async with serving(app, theirs), httpx.AsyncClient() as http:
        await a_partner(ecps, PartnerSystem(url_of(theirs), http, lambda: True))
        case = await a_case_with_wish(ecps)
        await ecps.run_jobs()

    engagement = await an_engagement(ecps, case)
    assert (engagement["state"], engagement["ticket_number"]) == (state, number)
