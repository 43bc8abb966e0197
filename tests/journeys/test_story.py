from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from deploy.local.sandbox import Look, Sandbox
from deploy.local.stack import Stack
from deploy.local.story import play
from deploy.local.story.people import Person
from tests.journeys.requests import a_request

OPEN_CASES = 20
MOST_HOPS = 40


@pytest.mark.promise("S2", "S3", "S6", "S8", "S16", "S18", "S19", "S23", "S24", "S26", "S27", "S28", "S31", "C2", "C5")
async def test_the_story_is_seen_from_end_to_end(stack: Stack) -> None:
    assert await play(stack.env) == 0


async def test_the_story_makes_no_hop_for_the_cases_that_others_have_open(
    stack: Stack, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is due some dozens of times meanwhile: it would be hundreds."""
    for _ in range(OPEN_CASES):
        await people["customer"].post("/v1/cases", a_request())
    hops, hop_to = list[datetime](), Sandbox.hop_to

    async def counted(clock: Sandbox, look: Look, to: datetime, *how: Any) -> Look:
        hops.append(to)
        return await hop_to(clock, look, to, *how)

    monkeypatch.setattr(Sandbox, "hop_to", counted)
    assert await play(stack.env) == 0
    assert 0 < len(hops) <= MOST_HOPS
