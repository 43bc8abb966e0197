"""What every process and every consumer does meanwhile: nobody halts, nothing becomes a dead letter, nobody grows without bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import httpx

from deploy.local.sandbox import sandbox
from deploy.local.stack import Stack
from deploy.services import SERVICES
from libs.bus.backlog import backlog
from tests.bench.b8_memory import taken

MOST_MIB = 200
"""Twice the bound of B8 for one process at rest."""
_LOOK_SECONDS = 2.0
_FORKED_FROM = "nursery"


@dataclass
class Watch:
    """What was seen that must not be, and the most that each process took, in MiB."""

    stack: Stack
    seen: set[str] = field(default_factory=set)
    most: dict[str, float] = field(default_factory=dict)

    async def look(self, http: httpx.AsyncClient) -> None:
        for name, mib in taken(self.stack).items():
            self.most[name] = max(mib, self.most.get(name, 0.0))
            if mib > MOST_MIB and name != _FORKED_FROM:
                self.seen.add(f"{name} takes more than {MOST_MIB} MiB")
        for service in SERVICES:
            answer = await http.get(f"{self.stack.env[f'POLYPLUS_{service.upper()}_URL']}/readyz")
            if answer.status_code != 200:
                self.seen.add(f"{service} is not ready: {answer.text[:300]}")

    async def end(self) -> None:
        """Waits until all that was started has been worked, and counts what could not be."""
        async with sandbox(self.stack.env) as box:
            await box.quiet()
        for service in SERVICES:
            connection = await asyncpg.connect(self.stack.env[f"POLYPLUS_{service.upper()}_DATABASE_URL"])
            try:
                now = await backlog(connection)
            finally:
                await connection.close()
            if now.dead_letters or now.parked_keys:
                self.seen.add(f"{service} has {now.dead_letters} dead letters and {now.parked_keys} parked keys")


@asynccontextmanager
async def watching(stack: Stack) -> AsyncIterator[Watch]:
    """Looks every two seconds until left."""
    watch, stop = Watch(stack), asyncio.Event()

    async def keep_looking() -> None:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            while not stop.is_set():
                await watch.look(http)
                try:
                    await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
                except TimeoutError:
                    continue

    task = asyncio.create_task(keep_looking())
    try:
        yield watch
    finally:
        stop.set()
        await task
