"""What a day at the desk takes besides its people: a clock that lives through what is due in these cases, and looks at what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx

from deploy.local.demo.load import Ids
from deploy.local.sandbox import OutOfReach, Sandbox, sandbox
from deploy.local.stack import Stack
from deploy.local.story.people import Person, Refused
from deploy.local.waiting import until_async
from tests.journeys.requests import SECONDS

Row = dict[str, Any]
ZONE = ZoneInfo("Asia/Singapore")
"""Whose hours the shifts keep."""
_REPEATED = ("step", "unanswered")


@dataclass
class Desk:
    """The people of a day, the sandbox's clock, and the cases that the day is about."""

    stack: Stack
    ids: Ids
    people: Mapping[str, Person]
    clock: Sandbox
    http: httpx.AsyncClient
    cases: list[str] = field(default_factory=list)

    def __getattr__(self, role: str) -> Person:
        try:
            return self.people[role]
        except KeyError:
            raise AttributeError(role) from None

    async def opened(self, by: Person, request: Row) -> Row:
        case = await by.post("/v1/cases", request)
        self.cases.append(case["id"])
        return case

    async def case(self, id: str, by: Person | None = None) -> Row:
        return await (by or self.people["engineer"]).get(f"/v1/cases/{id}")

    async def resolves(self, by: Person, id: str, text: str) -> None:
        """Whoever resolves a case has taken it."""
        await by.post(f"/v1/cases/{id}/assign", {})
        await by.post(f"/v1/cases/{id}/resolve", {"resolution": text})

    async def becomes(self, id: str, fact: Callable[[Row], bool], what: str) -> Row:
        """The case as soon as the fact holds of it."""
        return await self.shows(lambda: self.case(id), fact, what)

    async def shows(self, look: Callable[[], Awaitable[Row]], fact: Callable[[Row], bool], what: str) -> Row:
        found = list[Row]()

        async def seen() -> bool:
            found[:] = [await look()]
            return fact(found[0])

        try:
            await until_async(seen, seconds=SECONDS, otherwise=what)
        except Exception as error:
            raise AssertionError(f"{what}: {found}") from error
        return found[0]

    async def told(self, name: str, **asked: str) -> list[Row]:
        """What the record has of this event by now, oldest first."""
        found = await self.people["ops"].get("/v1/events", type=f"polyplus.{name}.", limit="200", **asked)
        return sorted((each["data"] for each in found["items"]), key=str)

    async def refused(self, by: Person, path: str, body: Row) -> str:
        """The refusal in its words."""
        try:
            await by.post(path, body)
        except Refused as refused:
            return str(refused)
        raise AssertionError(f"{path} took {body}")

    async def table(self, by: Person, path: str, text: str) -> Row:
        """Sent as Excel's Unicode text."""
        headers = {
            "authorization": f"Bearer {await by.token()}",
            "content-type": "text/csv",
            "idempotency-key": f"{uuid4()}",
        }
        content = b"\xff\xfe" + text.encode("utf-16-le")
        answer = await self.http.post(
            f"{self.stack.env['POLYPLUS_GATEWAY_URL']}{path}", content=content, headers=headers
        )
        assert answer.is_success, answer.text
        found: Row = answer.json()
        return found

    async def colleague(self, role: str, person: str) -> Person:
        """Somebody of ours at another desk: a client of their own that acts for them."""
        return await self._another(role, person_id=self.ids["people"][person])

    async def customer_of(self, account: str) -> Person:
        return await self._another("customer", accounts=[self.ids["accounts"][account]])

    async def _another(self, role: str, **who: Any) -> Person:
        made = await self.people["admin"].post("/v1/clients", {"name": "Another desk", "role": role, **who})
        prefix = f"POLYPLUS_CLIENT_{role.upper()}"
        env = {**self.stack.env, f"{prefix}_ID": made["id"], f"{prefix}_SECRET": made["secret"]}
        return Person(role, env, self.http)

    async def live_to(self, instant: datetime, *also: str) -> None:
        """From one thing that is due in these cases, or in `also`, to the next. What others have due meanwhile is late."""
        look = await self.clock.quiet()
        while look.now < instant:
            try:
                due = await self.clock.next_of([*self.cases, *also], besides=_REPEATED)
            except OutOfReach:
                look = await self.clock.quiet()
                continue
            look = await self.clock.hop_to(look, max(look.now, min(due or instant, instant)))

    async def next_time(self, hour: int, minute: int = 0) -> datetime:
        """The next instant at which it is so late in Singapore, on a Monday to Wednesday: what follows has business days to go by."""
        now = (await self.clock.quiet()).now.astimezone(ZONE)
        at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        while at <= now or at.weekday() > 2:
            at += timedelta(days=1)
        return at


@asynccontextmanager
async def desk(stack: Stack, ids: Ids, people: Mapping[str, Person]) -> AsyncIterator[Desk]:
    async with (
        sandbox(stack.env) as clock,
        httpx.AsyncClient(timeout=20, trust_env=False) as http,
    ):
        yield Desk(stack, ids, people, clock, http)
