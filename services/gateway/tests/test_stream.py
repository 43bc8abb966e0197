"""The event stream: live, kept within what one may see, resumed without a gap, bounded for the slow."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.ecps import PartnerSilent
from libs.events.onsite import VisitScheduled
from services.gateway.tests.ears import CASE_OPENED, CASE_OPENED_ONCE, INTERNAL, PUBLIC, an_event
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
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": "/polyplus/rma",
        "type": PUBLIC,
        "subject": str(event.subject),
        "time": frame.data["time"],
        "datacontenttype": "application/json",
        "accountid": str(OURS),
        "aggregateversion": 1,
        "actor": "system:test",
        "data": {"case_id": str(event.key), "tracking": "VN 1"},
    }
    assert (await ops.event()).event == INTERNAL


@pytest.mark.promise("S11", "C5")
@pytest.mark.parametrize("role", ["customer", "reseller", "partner", "integrator"])
async def test_others_hear_the_public_events_of_their_accounts_alone(live: Live, role: str) -> None:
    """Live, from the ring, and by replay."""
    ours, nobody = await live.ear(role, accounts=[OURS]), await live.ear(role)
    last = an_event(account_id=OURS)
    events = [
        an_event(account_id=OURS),
        an_event(account_id=THEIRS),
        an_event(),
        an_event(INTERNAL, account_id=OURS),
        *(an_event(account_id=THEIRS) for _ in range(8)),
        last,
    ]
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
        an_event(VisitScheduled.contract.ce_type),
        an_event(CASE_OPENED),
        an_event(case_id=case),
        an_event(PartnerSilent.contract.ce_type, account_id=OURS),
        an_event(PUBLIC, case_id=case, account_id=OURS),
    ]
    await live.activity.deliver(*events)
    ids = [str(event.event_id) for event in events]
    assert await by_type.until(events[4]) == [ids[1], ids[2], ids[4]]
    assert await by_case.until(events[4]) == [ids[2], ids[4]]
    assert await by_account.until(events[4]) == [ids[3], ids[4]]


async def test_an_older_version_is_heard_as_the_newest_by_whoever_asks_for_either(live: Live) -> None:
    ears = [await live.ear(query=f"?type={each}") for each in (CASE_OPENED, CASE_OPENED_ONCE)]
    old, new = an_event(CASE_OPENED_ONCE, reporter_name="Nguyễn Văn An"), an_event(CASE_OPENED)
    await live.activity.deliver(old, an_event(), new)
    for ear in ears:
        told = (await ear.event()).data
        assert (told["id"], told["type"], list(told["data"])) == (str(old.event_id), CASE_OPENED, ["case_id"])
        assert await ear.until(new) == [str(each.event_id) for each in (old, new)]


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


async def test_a_door_that_closes_tells_its_listeners(live: Live) -> None:
    ear = await live.ear()
    await live.fill(1)
    await ear.event()
    await live.door_closes()
    frame = await ear.to_the_end()
    assert (frame.event, frame.id, frame.data["reason"]) == ("dropped", 1, "closing")


async def test_one_who_resumes_from_a_place_of_another_stream_hears_this_one(live: Live) -> None:
    await live.open()
    ear = await live.ear(query="?last_event_id=999")
    event = an_event(account_id=OURS)
    await live.activity.deliver(event)
    assert (await ear.event()).data["id"] == str(event.event_id)
    refused = await (await live.silent_ear(query=f"?last_event_id={'9' * 5000}")).open()
    assert refused.status == 400


actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("publish"),
            st.integers(1, 9),
            st.sampled_from([OURS, THEIRS, None]),
            st.sampled_from([PUBLIC, INTERNAL]),
        ),
        st.tuples(st.just("leave"), st.integers(0, 2)),
        st.tuples(st.just("come"), st.integers(0, 2)),
        st.tuples(st.just("listen"), st.integers(0, 2)),
        st.tuples(st.just("restart")),
    ),
    min_size=3,
    max_size=14,
)


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
