from __future__ import annotations

import pytest

from deploy.local.stack import Stack
from deploy.local.story import play


@pytest.mark.promise("S2", "S3", "S6", "S8", "S16", "S18", "S19", "S23", "S24", "S26", "S27", "S28", "S31", "C2", "C5")
async def test_the_story_is_seen_from_end_to_end(stack: Stack) -> None:
    assert await play(stack.env) == 0
