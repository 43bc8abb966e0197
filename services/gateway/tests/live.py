"""The stream with a real activity behind it."""

import asyncio
from typing import Any
from uuid import UUID

from libs.kit.auth import Verifier
from services.gateway.tests.ears import Ear, an_event
from services.gateway.tests.stage import KEY, Stage
from tests.support.harness import Harness


class Live:
    """`ear(role)` listens; `activity.deliver(…)` is what it hears of."""

    def __init__(self, stage: Stage, activity: Harness) -> None:
        self.stage, self.activity = stage, activity
        self.url = ""
        self._ears: list[Ear] = []

    async def start(self) -> None:
        """Serves activity, again where it was before."""
        self.activity.app.state.verifier = Verifier(KEY.public)
        self.activity.app.state.stopping = asyncio.Event()
        await self.stage.start("activity", self.activity.app, self.activity.app.state.stopping)

    async def stop(self) -> None:
        await self.stage.stop("activity")

    async def open(self, **settings: Any) -> None:
        """A door, which has heard of activity."""
        self.door = await self.stage.open(**settings)
        self.url = self.door.url
        probe = Ear(self.url, self.stage.token(await self.stage.make("ops")))
        async with asyncio.timeout(10):
            while (await probe.open()).status == 503:
                await probe.close()
        await probe.close()

    async def door_closes(self) -> None:
        """The process is told to end."""
        self.door.handle_exit(0, None)

    async def ear(self, role: str = "ops", query: str = "", **fields: Any) -> Ear:
        """A listener with a client of its own, listening."""
        return await (await self.silent_ear(role, query, **fields)).opened()

    async def silent_ear(self, role: str = "ops", query: str = "", *, token: str = "", **fields: Any) -> Ear:
        ear = Ear(self.url, token or self.stage.token(await self.stage.make(role, **fields)), query)
        self._ears.append(ear)
        return ear

    async def close(self) -> None:
        for ear in self._ears:
            await ear.close()
        await self.stop()  # its reader holds a connection until then

    async def fill(self, n: int, account_id: UUID | None = None) -> list[str]:
        """So many events; their ids."""
        events = [an_event(account_id=account_id) for _ in range(n)]
        await self.activity.deliver(*events)
        return [str(event.event_id) for event in events]
