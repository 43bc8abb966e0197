"""The stream while something behind it is in trouble: listeners stay, and are told."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from libs.bus.standing import say
from services.gateway.stream.feed import Feed
from services.gateway.tests.ears import Ear, an_event
from services.gateway.tests.live import Live

OURS, THEIRS, CONSUMER = uuid4(), uuid4(), uuid4()


async def test_the_feed_goes_on_after_an_error_that_nobody_foresaw(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    ops, publish, failed = await live.ear(), Feed._publish, list[bytes]()

    def fail_once(feed: Feed, lines: list[bytes]) -> None:
        if not failed:
            failed.extend(lines)
            raise RuntimeError("nobody foresaw this")
        publish(feed, lines)

    monkeypatch.setattr(Feed, "_publish", fail_once)
    event = an_event(account_id=OURS)
    await live.activity.deliver(event)
    assert (await ops.event()).data["id"] == str(event.event_id)
    assert failed


async def test_without_activity_a_new_door_says_so(live: Live) -> None:
    await live.stop()
    door = await live.stage.open()
    answer = await (await live.stage.client("ops", url=door.url)).get("/v1/events/stream")
    assert (answer.status_code, answer.json()["dependency"]) == (503, "activity")


async def test_a_replay_without_activity_is_a_problem_and_the_live_stream_goes_on(live: Live) -> None:
    """And what happens while activity is away is heard when it is back, by those who stayed."""
    ear = await live.ear()
    ids = await live.fill(10)
    await live.stop()
    answer = await (await live.silent_ear(query="?last_event_id=1")).open()
    assert answer.status == 503
    from_ring = await live.ear(query="?last_event_id=8")
    ids += await live.fill(10)
    await live.start()
    for listener, expected in ((ear, ids), (from_ring, ids[8:])):
        while len(listener.heard) < len(expected):
            await listener.event()
        assert listener.heard == expected


async def stands(live: Live, lag: int = 0, halted: str | None = None) -> None:
    """What activity's one consumer says of itself."""
    await say(live.activity.database, "activity", CONSUMER, lag=lag, halted=halted)


async def told(ear: Ear, status: str) -> None:
    """Listens until it is told this."""
    async with asyncio.timeout(15):
        while not ear.health or ear.health[-1] != status:
            await ear.hear_something()


async def test_listeners_are_told_when_what_feeds_the_stream_is_in_trouble_and_when_it_is_well_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.activity.feed.SIGN_OF_LIFE_SECONDS", 0.1)
    account = uuid4()
    ops, customer = await live.ear(), await live.ear("customer", accounts=[account])
    for ear in (ops, customer):
        await told(ear, "away")
    changes: list[tuple[str, dict[str, Any]]] = [
        ("ok", {}),
        ("halted", {"halted": "10 keys in a row were parked"}),
        ("ok", {}),
        ("behind", {"lag": 5000}),
    ]
    for status, said in changes:
        await stands(live, **said)
        for ear in (ops, customer):
            await told(ear, status)
    before = ops.last
    late = await live.ear()
    await told(late, "behind")
    await stands(live)
    await told(late, "ok")
    assert ops.last == before, "it is no place of the stream"
    events = await live.fill(2)
    assert [(await ops.event()).data["id"] for _ in events] == events


async def test_listeners_are_told_when_activity_is_away_and_when_it_is_back(live: Live) -> None:
    ear = await live.ear()
    await told(ear, "away")
    await stands(live)
    await told(ear, "ok")
    await live.stop()
    await told(ear, "away")
    await stands(live)
    await live.start()
    await told(ear, "ok")
    events = await live.fill(1)
    assert (await ear.event()).data["id"] == events[0]
