"""The feed over a real socket: the gateway's one reader."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from services.activity.tests.builders import ACCOUNT, CASE_OPENED, PART_SHIPPED, an_event, kept_by_code_of_before
from tests.support.harness import Harness
from tests.support.serving import Served, serving


def feeding(activity: Harness) -> AbstractAsyncContextManager[Served]:
    return serving(activity.app, stopping=activity.app.state.stopping)


class Reader:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def line(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await asyncio.wait_for(self._response.content.readline(), 5))
        return found

    async def lines(self, n: int) -> list[dict[str, Any]]:
        """The next `n` that hold an event."""
        found: list[dict[str, Any]] = []
        while len(found) < n:
            line = await self.line()
            if "event" in line:
                found.append(line)
        return found


@asynccontextmanager
async def reading(activity: Harness, url: str, query: str = "") -> AsyncIterator[Reader]:
    headers = {"authorization": f"Bearer {activity.token('ops')}"}
    async with aiohttp.ClientSession() as http, http.get(f"{url}/internal/feed{query}", headers=headers) as response:
        assert response.status == 200
        yield Reader(response)


async def test_the_feed_begins_at_the_end_unless_told_and_goes_on_as_events_come(activity: Harness) -> None:
    await activity.deliver(an_event(), an_event())
    async with (
        feeding(activity) as server,
        reading(activity, server.url) as live,
        reading(activity, server.url, "?after=0") as all_,
    ):
        assert await live.line() == {"position": 2, "status": "away"}
        await activity.deliver(an_event(PART_SHIPPED))
        [new] = await live.lines(1)
        assert (new["late"], new["event"]["seq"], new["event"]["type"]) == (False, 3, PART_SHIPPED)
        assert [line["event"]["seq"] for line in await all_.lines(3)] == [1, 2, 3]


async def test_an_older_version_comes_as_the_newest(activity: Harness) -> None:
    await activity.deliver(an_event())
    await kept_by_code_of_before(activity, reporter_name="Nguyễn Văn An")
    async with feeding(activity) as server, reading(activity, server.url, "?after=0") as live:
        [line] = await live.lines(1)
    assert (line["event"]["type"], list(line["event"]["data"])) == (CASE_OPENED, ["case_id"])


async def test_an_append_wakes_the_feed_before_its_poll(activity: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.activity.feed.POLL_SECONDS", 60)
    async with feeding(activity) as server, reading(activity, server.url) as live:
        await live.line()
        for _ in range(3):
            await activity.deliver(an_event())
            await live.lines(1)


async def test_a_quiet_feed_gives_signs_of_life(activity: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.activity.feed.SIGN_OF_LIFE_SECONDS", 0.1)
    async with feeding(activity) as server, reading(activity, server.url) as live:
        assert [await live.line() for _ in range(3)] == [{"position": 0, "status": "away"}] * 3


async def test_an_event_whose_account_becomes_known_comes_again_as_late(activity: Harness) -> None:
    case = uuid4()
    async with feeding(activity) as server, reading(activity, server.url) as live:
        await activity.deliver(an_event(PART_SHIPPED, case_id=case, account_id=None), an_event(case_id=case))
        lines = await live.lines(3)
        async with reading(activity, server.url, "?after=0") as again:
            for found in (lines, await again.lines(3)):
                assert [(e["late"], e["event"]["seq"], e["event"]["account_id"]) for e in found] == [
                    (False, 1, None),
                    (False, 2, str(ACCOUNT)),
                    (True, 3, str(ACCOUNT)),
                ]


async def test_a_long_history_comes_in_pages(activity: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.activity.feed.PAGE", 2)
    await activity.deliver(*(an_event() for _ in range(7)))
    async with feeding(activity) as server, reading(activity, server.url, "?after=0") as live:
        assert [line["event"]["seq"] for line in await live.lines(7)] == [1, 2, 3, 4, 5, 6, 7]


async def test_the_feed_ends_when_its_process_is_told_to(activity: Harness) -> None:
    async with feeding(activity) as server, reading(activity, server.url) as live:
        await live.line()
        server.handle_exit(0, None)
        assert await asyncio.wait_for(live._response.content.read(), 3) == b""


@pytest.mark.parametrize("role", ["customer", "engineer", "manager", "integrator", "admin"])
async def test_only_the_gateway_s_own_role_reads_the_feed(activity: Harness, role: str) -> None:
    assert (await activity.get("/internal/feed", role=role)).status_code == 403
    assert "/internal/feed" not in activity.app.openapi()["paths"]
