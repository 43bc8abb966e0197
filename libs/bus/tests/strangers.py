"""Calls to strangers in a test: made, recorded and looked at; the stranger is told how to answer."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiohttp import web

from libs.bus import Attempt, GiveUp, Lanes, Outcome
from libs.bus.tests.receiver import Receiver
from libs.bus.tests.stage import WORKER, Stage, some, until
from libs.store import Transaction

AT_ONCE = (0.0,) * 30


@dataclass
class Told:
    """What became of each attempt, as `record` heard it; a call is a GET of its lane's path."""

    url: str
    outcomes: list[Outcome] = field(default_factory=list)
    gone: set[UUID] = field(default_factory=set)
    """Those that have nothing to send any more."""

    def lanes(self, *, schedule: Sequence[float] = AT_ONCE, **how: Any) -> Lanes:
        lanes = Lanes("test", **{"timeout": 30.0} | how)
        lanes.on("get", prepare=self.prepare, call=self.call, record=self.record, schedule=schedule)
        return lanes

    async def prepare(self, attempts: Sequence[Attempt], _tx: Transaction) -> Mapping[UUID, Any]:
        return {each.id: f"{self.url}/{each.lane}" for each in attempts if each.id not in self.gone}

    async def call(self, attempt: Attempt, url: str, http: httpx.AsyncClient) -> dict[str, Any]:
        answer = await http.get(url, params={"id": str(attempt.id)})
        if answer.status_code == 410:
            raise GiveUp("gone")
        return {"status": answer.raise_for_status().status_code}

    async def record(self, outcomes: Sequence[Outcome], _tx: Transaction) -> None:
        self.outcomes += outcomes

    @property
    def done(self) -> list[UUID]:
        return [each.of.id for each in self.outcomes if each.result is not None]

    @property
    def over(self) -> list[UUID]:
        return [each.of.id for each in self.outcomes if each.again_in is None]


async def send(stage: Stage, lanes: Lanes, lane: str, count: int = 1, **how: Any) -> list[UUID]:
    ids = some(count)
    async with stage.database.transaction(WORKER) as tx:
        for id in ids:
            lanes.send(tx, id, "get", lane=lane, **how)
    return ids


async def none_left(stage: Stage) -> bool:
    return bool(await stage.fetchval("SELECT count(*) = 0 FROM lane_calls"))


async def all_done(stage: Stage) -> None:
    await until(lambda: none_left(stage), "every call is over")


async def hop(stage: Stage, lanes: Lanes, minutes: float) -> None:
    """The domain's clock is moved, as in a sandbox."""
    owner = await asyncpg.connect(stage.owner_url)
    try:
        await owner.execute("UPDATE app_clock SET time_offset = time_offset + make_interval(mins => $1)", minutes)
    finally:
        await owner.close()
    lanes.wake()


def answers(receiver: Receiver, path: str, *statuses: int) -> None:
    """With these in turn; the last one from then on."""
    left = list(statuses)

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=left.pop(0) if len(left) > 1 else left[0])

    receiver.answers[path] = answer


async def abandon(task: asyncio.Task[None]) -> None:
    """As a killed process does: nothing is recorded."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
