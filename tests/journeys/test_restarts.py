from __future__ import annotations

import asyncio

import pytest

from deploy.local.stack import Stack
from deploy.local.story import play
from deploy.services import SERVICES

# Each service is down when the step that needs it most begins.
WORST = ("entitlements", "cases", "gateway", "rma", "onsite", "ecps", "escalation", None, "activity")


class Disturbance:
    """Takes one service down before each step and brings it back during it: every other one by SIGKILL, as a crash would."""

    def __init__(self, stack: Stack, plan: tuple[str | None, ...]) -> None:
        self._stack, self._plan = stack, plan
        self._returning: asyncio.Task[None] | None = None
        self.taken_down: list[str] = []

    async def before_step(self, number: int) -> None:
        await self.over()
        name = self._plan[number - 1]
        if name is None:
            return
        self.taken_down.append(name)
        if len(self.taken_down) % 2:
            await self._stack.kill(name)
            self._returning = asyncio.create_task(self._stack.until_ready(name))
        else:
            await self._stack.stop(name)
            self._returning = asyncio.create_task(self._stack.start(name))

    async def over(self) -> None:
        """What was taken down is back."""
        if self._returning is not None:
            await self._returning
            self._returning = None


@pytest.mark.promise("C1", "C2", "C3")
async def test_the_story_reaches_its_end_while_a_service_goes_down_in_each_step(
    stack: Stack,
) -> None:
    disturbance = Disturbance(stack, WORST)

    ended = await play(stack.env, before_step=disturbance.before_step)

    await disturbance.over()
    assert ended == 0
    assert sorted(disturbance.taken_down) == sorted(SERVICES)
