"""Listeners that are slow, many, or may not listen any more, and the signs of life that all get."""

import asyncio
import socket
from uuid import uuid4

import pytest

from services.gateway.identity.access_tokens import Access
from services.gateway.identity.directory import Caller, Directory
from services.gateway.stream import listening
from services.gateway.tests.ears import Ear, an_event
from services.gateway.tests.live import Live

OURS, THEIRS, CONSUMER = uuid4(), uuid4(), uuid4()


async def test_a_quiet_stream_gives_signs_of_life(live: Live) -> None:
    await live.open(heartbeat_seconds=0.1)
    ear = await live.ear()
    for _ in range(3):
        frame = await ear.frame()
        assert frame is not None
        assert frame.comment


async def test_one_who_may_not_listen_any_more_is_told_and_sent_away(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.identity.directory.FRESH_SECONDS", 0.0)
    await live.open(heartbeat_seconds=0.1)
    client_id = await live.stage.make("ops")
    ear = await Ear(live.url, live.stage.token(client_id)).opened()
    await live.stage.gateway.request("DELETE", f"/v1/clients/{client_id}", role="admin")
    frame = await ear.to_the_end()
    assert (frame.event, frame.data["reason"]) == ("dropped", "not allowed any more")
    await ear.close()


async def test_there_is_room_for_so_many_listeners(live: Live) -> None:
    await live.open(max_listeners=2)
    first = await live.ear()
    await live.ear()
    refused = await (await live.silent_ear()).open()
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    await first.close()
    async with asyncio.timeout(5):
        while (await (await live.silent_ear()).open()).status == 503:
            continue


async def connected_without_reading(url: str, token: str) -> socket.socket:
    """A listener's socket with little room."""
    host, port = url.removeprefix("http://").split(":")
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(found, (host, int(port)))
    request = f"GET /v1/events/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
    await loop.sock_sendall(found, request.encode())
    return found


async def test_a_slow_listener_is_sent_away_and_told_where_to_resume(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.stream.listening.BUFFER_BYTES", 200_000)
    quick, token = await live.ear(), live.stage.token(await live.stage.make("ops"))
    loop = asyncio.get_running_loop()
    slow = await connected_without_reading(live.url, token)
    assert b"200 OK" in await loop.sock_recv(slow, 4096)
    events = [an_event(text="x" * 60_000) for _ in range(80)]
    for event in events:
        await live.activity.deliver(event)
        await quick.until(event)

    content = b""
    while b"event: dropped" not in content or not content.endswith(b"0\r\n\r\n"):
        chunk = await asyncio.wait_for(loop.sock_recv(slow, 2**20), 10)
        if not chunk:
            break
        content += chunk
    slow.close()
    got = content.count(b"event: polyplus")
    assert 0 < got < len(events)
    assert b'"last_event_id":"%d","reason":"too slow"' % got in content
    again = await live.ear(query=f"?last_event_id={got}")
    assert await again.until(events[-1]) == [str(event.event_id) for event in events[got:]]


async def test_one_who_takes_nothing_at_all_loses_its_seat(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "SEND_SECONDS", 0.05)
    await live.open(heartbeat_seconds=0.05, max_listeners=1)
    token = live.stage.token(await live.stage.make("ops"))
    deaf = await connected_without_reading(live.url, token)
    await live.activity.deliver(*(an_event(text="x" * 100_000) for _ in range(60)))
    async with asyncio.timeout(10):
        while (await (await live.silent_ear()).open()).status == 503:
            continue
    deaf.close()


async def test_many_listeners_share_one_event(live: Live) -> None:
    ears = await asyncio.gather(*(live.ear("customer", accounts=[OURS]) for _ in range(100)))
    event = an_event(account_id=OURS)
    await live.activity.deliver(an_event(account_id=THEIRS), event)
    assert {tuple(await ear.until(event)) for ear in ears} == {(str(event.event_id),)}


async def test_signs_of_life_go_on_when_nobody_foresaw_why_it_cannot_be_looked_who_may_listen(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live.open(heartbeat_seconds=0.1)
    ear = await live.ear()
    looked, look = list[int](), Directory.caller

    async def fail_once(directory: Directory, access: Access) -> Caller:
        looked.append(1)
        if len(looked) == 1:
            raise RuntimeError("nobody foresaw this")
        return await look(directory, access)

    monkeypatch.setattr(Directory, "caller", fail_once)
    for _ in range(4):
        frame = await ear.frame()
        assert frame is not None
        assert frame.comment
    assert len(looked) > 1


async def test_one_who_missed_more_than_fits_into_a_buffer_still_gets_it_all(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live.open()
    events = [an_event(text="x" * 3_000) for _ in range(20)]
    quick = await live.ear()
    await live.activity.deliver(*events)
    await quick.until(events[-1])
    monkeypatch.setattr(listening, "BUFFER_BYTES", 10_000)
    late = await live.ear(query="?last_event_id=2")
    assert await late.until(events[-1]) == [str(event.event_id) for event in events[2:]]
