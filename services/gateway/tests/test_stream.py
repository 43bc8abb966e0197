"""The event stream: live, kept within what one may see, resumed without a gap, bounded for the slow."""

import asyncio
import socket
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.bus.standing import say
from services.gateway.identity.access_tokens import Access
from services.gateway.identity.directory import Caller, Directory
from services.gateway.stream import listening
from services.gateway.stream.feed import Feed
from services.gateway.stream.hub import HEARTBEAT, Hub, Listener
from services.gateway.stream.items import Filter, Item
from services.gateway.tests.ears import CASE_OPENED, INTERNAL, PUBLIC, Ear, an_event
from services.gateway.tests.live import Live

OURS, THEIRS, CONSUMER = uuid4(), uuid4(), uuid4()


@pytest.mark.promise("C5")
async def test_ops_watch_everything_as_it_happens(live: Live) -> None:
    ops = await live.ear()
    event = an_event(account_id=OURS, tracking="VN 1")
    await live.activity.deliver(event, an_event(INTERNAL))
    frame = await ops.event()
    assert (frame.event, frame.id) == (PUBLIC, 1)
    assert frame.data == {
        "specversion": "1.0", "id": str(event.event_id), "source": "/polyplus/rma", "type": PUBLIC,
        "subject": str(event.subject), "time": frame.data["time"], "datacontenttype": "application/json",
        "accountid": str(OURS), "aggregateversion": 1, "actor": "system:test",
        "data": {"case_id": str(event.key), "tracking": "VN 1"},
    }  # fmt: skip
    assert (await ops.event()).event == INTERNAL


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


@pytest.mark.promise("S11", "C5")
@pytest.mark.parametrize("role", ["customer", "reseller", "partner", "integrator"])
async def test_others_hear_the_public_events_of_their_accounts_alone(live: Live, role: str) -> None:
    """Live, from the ring, and by replay."""
    ours, nobody = await live.ear(role, accounts=[OURS]), await live.ear(role)
    last = an_event(account_id=OURS)
    events = [
        an_event(account_id=OURS), an_event(account_id=THEIRS), an_event(), an_event(INTERNAL, account_id=OURS),
        *(an_event(account_id=THEIRS) for _ in range(8)), last,
    ]  # fmt: skip
    await live.activity.deliver(*events)
    expected = [str(events[0].event_id), str(last.event_id)]
    assert await ours.until(last) == expected
    for begin in ("0", "9"):
        for ear in (await live.ear(role, f"?last_event_id={begin}", accounts=[OURS]), ours):
            assert (await ear.until(last))[-1] == expected[-1]
            assert set(ear.heard) <= set(expected)
    asked = await live.ear(role, f"?account_id={THEIRS}&last_event_id=0", accounts=[OURS])
    # What all of them hear next proves that nothing came before it.
    both = an_event(account_id=OURS)
    await live.activity.deliver(both)
    await ours.until(both)
    assert (nobody.heard, asked.heard) == ([], [])
    await live.door_closes()
    for deaf in (nobody, asked):
        assert (await deaf.to_the_end()).event == "dropped"
        assert deaf.heard == []


async def test_what_is_asked_for_is_filtered_at_the_door(live: Live) -> None:
    case = uuid4()
    by_type = await live.ear(query=f"?type=polyplus.cases.&type={PUBLIC}")
    by_case = await live.ear(query=f"?case_id={case}")
    by_account = await live.ear(query=f"?account_id={OURS}")
    events = [
        an_event("polyplus.onsite.visit-scheduled.v1"), an_event(CASE_OPENED), an_event(case_id=case),
        an_event("polyplus.ecps.partner-silent.v1", account_id=OURS), an_event(PUBLIC, case_id=case, account_id=OURS),
    ]  # fmt: skip
    await live.activity.deliver(*events)
    ids = [str(event.event_id) for event in events]
    assert await by_type.until(events[4]) == [ids[1], ids[2], ids[4]]
    assert await by_case.until(events[4]) == [ids[2], ids[4]]
    assert await by_account.until(events[4]) == [ids[3], ids[4]]


async def test_an_event_whose_account_is_learned_late_is_heard_once_by_each(live: Live) -> None:
    case = uuid4()
    early, known = an_event(case_id=case), an_event(CASE_OPENED, case_id=case, account_id=OURS)
    ops, ours = await live.ear(), await live.ear("customer", accounts=[OURS])
    end = an_event(account_id=OURS)
    await live.activity.deliver(early, known, end)
    ids = [str(event.event_id) for event in (early, known, end)]
    again = {
        "ops": await live.ear(query="?last_event_id=0"),
        "ours": await live.ear("customer", "?last_event_id=0", accounts=[OURS]),
    }
    for ear in (ops, again["ops"]):
        assert await ear.until(end) == ids
    for ear in (ours, again["ours"]):
        assert await ear.until(end) == [ids[1], ids[0], ids[2]]


async def test_one_who_begins_without_a_place_hears_what_comes(live: Live) -> None:
    await live.fill(3)
    ear = await live.ear()
    assert ear.last == 3
    [new] = await live.fill(1)
    await ear.event()
    assert ear.heard == [new]


@pytest.mark.parametrize("wrong", ["-1", "x", "1.5", "", str(2**63), "\u0661"])
async def test_a_place_that_the_stream_never_gave_is_refused(live: Live, wrong: str) -> None:
    for query in ("?last_event_id=1&last_event_id=2", "?case_id=x", "?account_id=1"):
        assert (await (await live.silent_ear(query=query)).open()).status == 400
    answer = await (await live.silent_ear(query=f"?last_event_id={wrong}")).open()
    assert answer.status == (200 if wrong == "" else 400)


async def test_only_get_is_spoken(live: Live) -> None:
    http = await live.stage.client("ops", url=live.url)
    assert (await http.post("/v1/events/stream", headers={"idempotency-key": "k"})).status_code == 405


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


async def test_a_door_that_closes_tells_its_listeners(live: Live) -> None:
    ear = await live.ear()
    await live.fill(1)
    await ear.event()
    await live.door_closes()
    frame = await ear.to_the_end()
    assert (frame.event, frame.id, frame.data["reason"]) == ("dropped", 1, "closing")


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


def item(place: int, **fields: Any) -> Item:
    defaults: dict[str, Any] = {
        "late": False,
        "type": PUBLIC,
        "case_id": None,
        "account_id": None,
        "public": True,
        "frame": b"%d" % place,
    }
    return Item(place=place, **(defaults | fields))


def test_the_ring_says_when_it_does_not_reach_back_far_enough() -> None:
    hub = Hub(ring=3)
    everything = Filter(None, False, (), None)
    assert not hub.attach(Listener(everything, 0, limit=100), 0)
    hub.begin(10)
    hub.publish([item(n) for n in range(11, 16)])
    reached = [hub.attach(Listener(everything, n, limit=100), n) is not None for n in (10, 11, 12, 15, 99)]
    assert reached == [
        False,
        False,
        True,
        True,
        True,
    ]
    listener = Listener(everything, 12, limit=100)
    assert [item.place for item in hub.attach(listener, 12) or ()] == [13, 14, 15]
    hub.publish([item(16)])
    assert listener.take() == (b"16", 16)


def test_what_was_sent_otherwise_does_not_come_again_while_the_feed_is_behind() -> None:
    hub, listener = Hub(ring=10), Listener(Filter(None, False, (), None), 0, limit=100)
    hub.begin(90)
    hub.publish([item(n) for n in range(91, 96)])
    assert hub.attach(listener, 98) == []
    hub.publish([item(n) for n in range(96, 101)])
    assert listener.take() == (b"99100", 100)


async def test_one_who_resumes_from_a_place_of_another_stream_hears_this_one(live: Live) -> None:
    await live.open()
    ear = await live.ear(query="?last_event_id=999")
    event = an_event(account_id=OURS)
    await live.activity.deliver(event)
    assert (await ear.event()).data["id"] == str(event.event_id)
    refused = await (await live.silent_ear(query=f"?last_event_id={'9' * 5000}")).open()
    assert refused.status == 400


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


def test_a_sign_of_life_does_not_move_the_place_to_resume_from() -> None:
    hub, listener = Hub(ring=3), Listener(Filter(None, False, (), None), 0, limit=100)
    hub.begin(0)
    hub.attach(listener, 0)
    hub.beat()
    assert listener.take() == (HEARTBEAT, None)
    hub.publish([item(1)])
    hub.beat()
    assert listener.take() == (b"1" + HEARTBEAT, 1)
    hub.publish([item(2, frame=b"x" * 101)])
    assert (listener.reason, listener.take()) == ("too slow", (b"", None))


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


def test_a_stream_that_began_anew_sends_its_listeners_away() -> None:
    hub = Hub(ring=3)
    hub.begin(10)
    listener = Listener(Filter(None, False, (), None), 10, limit=100)
    hub.attach(listener, 10)
    hub.begin(2)
    assert (listener.reason, hub.position) == ("the stream began anew", 2)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 9), st.sampled_from([OURS, THEIRS, None]), st.sampled_from([PUBLIC, INTERNAL])),
        st.tuples(st.just("leave"), st.integers(0, 2)),
        st.tuples(st.just("come"), st.integers(0, 2)),
        st.tuples(st.just("listen"), st.integers(0, 2)),
        st.tuples(st.just("restart")),
    ),
    min_size=3,
    max_size=14,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=actions)
async def test_one_who_resumes_hears_everything_once_and_in_order(live: Live, story: list[tuple[Any, ...]]) -> None:
    """However often listeners leave, activity restarts, and events come in between."""
    ears = [
        await live.ear(),
        await live.ear("customer", accounts=[OURS]),
        await live.ear("customer", "?type=polyplus.rma.", accounts=[OURS, THEIRS]),
    ]
    visible: list[set[UUID | None]] = [{OURS, THEIRS, None}, {OURS}, {OURS, THEIRS}]
    expected: list[list[str]] = [[], [], []]
    away: set[int] = set()

    async def publish(n: int, account: UUID | None, ce_type: str) -> None:
        events = [an_event(ce_type, account_id=account) for _ in range(n)]
        await live.activity.deliver(*events)
        for heard, accounts, staff in zip(expected, visible, (True, False, False), strict=True):
            if account in accounts and (staff or ce_type == PUBLIC):
                heard += [str(event.event_id) for event in events]

    async def come(n: int) -> None:
        if n in away:
            async with asyncio.timeout(10):
                await ears[n].resume()
            away.discard(n)

    for action, *arguments in story:
        match action:
            case "publish":
                await publish(*arguments)
            case "leave":
                await ears[arguments[0]].close()
                away.add(arguments[0])
            case "come":
                await come(arguments[0])
            case "listen" if arguments[0] not in away and len(ears[arguments[0]].heard) < len(expected[arguments[0]]):
                await ears[arguments[0]].event_resumed()
            case "restart":
                await live.stop()
                await live.start()
    await publish(1, OURS, PUBLIC)
    for n, ear in enumerate(ears):
        await come(n)
        while len(ear.heard) < len(expected[n]):
            await ear.event_resumed()
        assert ear.heard == expected[n]
        await ear.close()


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
        ("ok", {}), ("halted", {"halted": "10 keys in a row were parked"}), ("ok", {}), ("behind", {"lag": 5000}),
    ]  # fmt: skip
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
