"""What a carrier answers is recorded, whatever characters are in it."""

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.simulators.tests.receiving import free_socket, serving, url_of
from services.rma.tests.builders import Case, reserved, seen
from services.rma.tests.network import a_network
from tests.support.harness import Harness


@pytest.mark.parametrize(
    ("status", "answer", "state", "tracking"),
    [(201, {"tracking": "VN\0-1", "carrier": "x\ud800"}, "bought", "VN-1"), (422, "no\0", "refused", None)],
)
async def test_an_answer_that_a_column_cannot_hold_is_recorded_all_the_same(
    rma: Harness, monkeypatch: pytest.MonkeyPatch, status: int, answer: Any, state: str, tracking: str | None
) -> None:
    async def sell(request: Request) -> Response:
        booked = await request.json()
        told = answer if isinstance(answer, str) else json.dumps(answer | {"reference": booked["reference"]})
        return Response(told, status, media_type="application/json")

    theirs = free_socket()
    monkeypatch.setenv("POLYPLUS_CARRIER_URL", url_of(theirs))
    async with serving(Starlette(routes=[Route("/shipments", sell, methods=["POST"])]), theirs):
        await a_network(rma)
        rma_id = await reserved(rma, Case())
        await rma.run_jobs()

    for shipment in (await seen(rma, rma_id))["shipments"]:
        assert (shipment["state"], shipment["tracking"]) == (state, tracking)
