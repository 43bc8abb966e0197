from __future__ import annotations

import asyncio
from random import Random

import pytest

from deploy.local.stack import Stack
from deploy.local.story import play
from deploy.topics import SERVICES

# Each service is down when the step that needs it most begins.
WORST = ("entitlements", "cases", "gateway", "rma", "onsite", "ecps", "escalation", None, "activity")
SEED = 20_261_122


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


def shuffled() -> tuple[str | None, ...]:
    plan: list[str | None] = [*SERVICES, None]
    Random(SEED).shuffle(plan)
    return tuple(plan)


@pytest.mark.promise("C1", "C2", "C3")
@pytest.mark.parametrize("plan", [WORST, shuffled()], ids=["the one it needs", "any"])
async def test_the_story_reaches_its_end_while_a_service_goes_down_in_each_step(
    stack: Stack, plan: tuple[str | None, ...]
) -> None:
    disturbance = Disturbance(stack, plan)

    ended = await play(stack.env, before_step=disturbance.before_step)

    await disturbance.over()
    assert ended == 0
    assert sorted(disturbance.taken_down) == sorted(SERVICES)
