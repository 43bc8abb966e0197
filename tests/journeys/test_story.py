from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.sandbox import Look, Sandbox
from deploy.local.stack import Stack
from deploy.local.story import play
from deploy.local.story.people import Person
from tests.journeys.requests import a_request

OPEN_CASES = 20
PARCELS = 48
MOST_HOPS = 40


async def send_parcels(carrier: str) -> None:
    """Somebody else's: one is delivered each hour of the days to come."""
    async with httpx.AsyncClient(base_url=carrier, trust_env=False) as http:
        now = datetime.fromisoformat((await http.get("/simulate/state")).json()["now"])
        someone = {"name": "Somebody", "country": "VN"}
        for hour in range(1, PARCELS + 1):
            promised = (now + timedelta(hours=hour)).isoformat()
            booking = {
                "reference": f"{uuid4()}",
                "from": someone,
                "to": someone,
                "parcels": [{}],
                "promised_by": promised,
            }
            (await http.post("/shipments", json=booking)).raise_for_status()


@pytest.mark.promise("S2", "S3", "S6", "S8", "S16", "S18", "S19", "S23", "S24", "S26", "S27", "S28", "S31", "C2", "C5")
async def test_the_story_is_seen_from_end_to_end(stack: Stack) -> None:
    assert await play(stack.env) == 0


async def test_the_story_makes_no_hop_for_the_cases_that_others_have_open(
    stack: Stack, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is due some dozens of times meanwhile, and so is what is on its way to others: it would be hundreds."""
    for _ in range(OPEN_CASES):
        await people["customer"].post("/v1/cases", a_request())
    await send_parcels(stack.env["POLYPLUS_CARRIER_URL"])
    hops, hop_to = list[datetime](), Sandbox.hop_to

    async def counted(clock: Sandbox, look: Look, to: datetime, *how: Any) -> Look:
        hops.append(to)
        return await hop_to(clock, look, to, *how)

    monkeypatch.setattr(Sandbox, "hop_to", counted)
    assert await play(stack.env) == 0
    assert 0 < len(hops) <= MOST_HOPS
