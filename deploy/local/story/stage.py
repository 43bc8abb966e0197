"""What the steps of the story share: the people, the witness, the clock, and what became known on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from deploy.local.environment import ROLES
from deploy.local.sandbox import Look, OutOfReach, Sandbox, sandbox
from deploy.local.story.people import Person
from deploy.local.story.witness import NotSeen, Witness, seen

_REPEATED = ("step", "unanswered")
"""Timers that the story does not stop for: an escalation tells again every quarter of an hour, later every hour."""
Row = dict[str, Any]


@dataclass
class Stage:
    """One telling of the story."""

    env: Mapping[str, str]
    people: Mapping[str, Person]
    witness: Witness
    clock: Sandbox
    http: httpx.AsyncClient
    say: Callable[[str], None]
    case_id: str = ""
    known: Row = field(default_factory=dict)
    """Rows of the API by what they are to the story: `case`, `rma`, `visit` …"""

    def __getitem__(self, name: str) -> Row:
        row: Row = self.known[name]
        return row

    async def event(self, name: str, **fields: Any) -> Row:
        """The case's event, once the stream and Kafka both show it."""
        return await self.witness.see(self.case_id, name, **fields)

    async def becomes(self, role: str, path: str, fact: Callable[[Row], bool], what: str, **params: Any) -> Row:
        """The resource as soon as the fact holds of it; of a list, the first item of which it holds."""

        async def look() -> Row | None:
            answer = await self.people[role].get(path, **params)
            rows = answer.get("items", [answer])
            return next((row for row in rows if fact(row)), None)

        return await seen(look, lambda: f"{what} ({path})")

    async def live_until(self, fact: Callable[[], Awaitable[bool]], what: str, *, days: int) -> None:
        """Hops from one thing due in this case to the next until the fact holds, for at most so many days. Raises NotSeen."""
        look = await self.clock.quiet()
        end = look.now + timedelta(days=days)
        while not await fact():
            if look.now >= end:
                raise NotSeen(f"not within {days} days of the sandbox's time: {what}")
            look = await self._hop(look, end)

    async def live_to(self, instant: datetime) -> None:
        """The same up to an instant, unless it has passed."""
        look = await self.clock.quiet()
        while look.now < instant:
            look = await self._hop(look, instant)

    async def _hop(self, look: Look, end: datetime) -> Look:
        """To what is due next in this case, or of its parcels. What is due in other cases meanwhile is late by as much: a sandbox
        with many of them would have this one told for minutes."""
        ours, parcels = self.witness.aggregates_of(self.case_id), self.witness.parcels_of(self.case_id)
        try:
            due = await self.clock.next_of(ours, parcels, besides=_REPEATED)
        except OutOfReach:
            return await self.clock.quiet()
        return await self.clock.hop_to(look, max(look.now, min(due or end, end)))

    async def at_the_partner(self, ticket: str, what: str, text: str) -> None:
        """Somebody at the cloud partner works their ticket."""
        url = f"{self.env['POLYPLUS_PARTNER_URL']}/simulate/tickets/{ticket}/{what}"
        (await self.http.post(url, json={"text": text})).raise_for_status()


@asynccontextmanager
async def stage(env: Mapping[str, str], say: Callable[[str], None]) -> AsyncIterator[Stage]:
    """People logged in, the stream and the topics being watched."""
    async with sandbox(env) as clock, httpx.AsyncClient(timeout=20, trust_env=False) as http:
        people = {role: Person(role, env, http) for role in ROLES}
        witness = Witness()
        topics = witness.follow_kafka(env)
        try:
            async with witness.following_stream(env):
                yield Stage(env, people, witness, clock, http, say)
        finally:
            witness.stop()
            await asyncio.to_thread(topics.join, 10)


def a_serial() -> str:
    """A serial in the form that video devices carry, new for each telling (generated, never one of a real device)."""
    return f"8L2647{time.time_ns() // 1000 % 16**6:06X}FB"
