"""Lanes: none stands in another's way, all workers together have no more under way than a lane's share, and each call ends once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from uuid import UUID

import pytest
from aiohttp import web

from libs.bus import Lanes, Outcome
from libs.bus.tests.receiver import Receiver
from libs.bus.tests.stage import WORKER, Stage, running, some, until
from libs.bus.tests.strangers import AT_ONCE, Told, abandon, all_done, none_left, send
from libs.store import Transaction


async def test_a_slow_lane_delays_no_other_and_two_workers_keep_to_its_share(stage: Stage, receiver: Receiver) -> None:
    told = Told(receiver.url)
    first, second = told.lanes(), told.lanes()
    slow = await send(stage, first, "slow", 30, most=3)
    healthy = await send(stage, first, "ok", 120)
    async with running(lambda stop: first.run(stage.database, stop), lambda stop: second.run(stage.database, stop)):

        async def the_healthy_are_done() -> bool:
            return set(healthy) <= set(told.done)

        await until(the_healthy_are_done, "those in the healthy lane are done")
        assert receiver.under_way["/slow"] == 3
        assert not set(slow) & set(told.done)
        receiver.release.set()
        await all_done(stage)
    assert Counter(told.done) == Counter(slow + healthy)
    assert (receiver.most["/slow"], receiver.calls["/slow"]) == (3, 30)
    assert receiver.most["/ok"] <= 4


async def test_what_a_crash_leaves_is_called_again_once_its_lease_ends_and_takes_no_room_for_ever(
    stage: Stage, receiver: Receiver
) -> None:
    told = Told(receiver.url)
    dying, living = told.lanes(), told.lanes()
    ids = await send(stage, dying, "slow", 4, most=2)
    crash = asyncio.create_task(dying.run(stage.database, asyncio.Event()))

    async def under_way() -> bool:
        return receiver.calls["/slow"] == 2

    await until(under_way, "two are under way")
    await abandon(crash)
    receiver.release.set()
    async with running(lambda stop: living.run(stage.database, stop)):
        assert await stage.fetchval("SELECT count(*) FROM lane_calls WHERE claim IS NOT NULL") == 2
        assert told.outcomes == []
        await stage.fetchval("UPDATE lane_calls SET due_at = clock_timestamp() WHERE claim IS NOT NULL")
        await stage.fetchval("UPDATE call_lanes SET next_at = clock_timestamp()")  # as it is when the first lease ends
        await all_done(stage)
    assert Counter(told.done) == Counter(ids)
    assert sorted(each.of.attempt for each in told.outcomes) == [1, 1, 2, 2]


async def test_a_lane_that_is_full_looks_again_when_the_first_lease_ends(stage: Stage, receiver: Receiver) -> None:
    told = Told(receiver.url)
    lanes = told.lanes()
    await send(stage, lanes, "slow", 3, most=1)
    crash = asyncio.create_task(lanes.run(stage.database, asyncio.Event()))

    async def under_way() -> bool:
        return receiver.calls["/slow"] == 1

    await until(under_way, "one is under way")
    await abandon(crash)
    gap = "SELECT extract(epoch FROM (SELECT next_at FROM call_lanes) - (SELECT due_at FROM lane_calls WHERE claim IS NOT NULL))::float8"
    assert abs(await stage.fetchval(gap)) < 1


async def test_an_ordered_lane_sends_none_before_the_one_ahead_of_it_is_over(stage: Stage, receiver: Receiver) -> None:
    heard, failing = list[str](), {"left": 3}

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.query["id"])
        if len(set(heard)) == 3 and failing["left"]:
            failing["left"] -= 1
            return web.Response(status=503)
        return web.Response()

    receiver.answers["/ordered"] = answer
    told = Told(receiver.url)
    first, second = told.lanes(), told.lanes()
    ids = [
        *await send(stage, first, "ordered", 6, ordered=True),
        *await send(stage, second, "ordered", 6, ordered=True),
    ]
    async with running(lambda stop: first.run(stage.database, stop), lambda stop: second.run(stage.database, stop)):
        await all_done(stage)
    assert heard == [str(id) for id in (*ids[:3], *[ids[2]] * 3, *ids[3:])]
    assert receiver.most["/ordered"] == 1


async def test_what_waits_in_a_lane_that_is_cancelled_is_never_sent(stage: Stage, receiver: Receiver) -> None:
    told = Told(receiver.url)
    lanes = told.lanes()
    ids = await send(stage, lanes, "gone", 5)
    async with stage.database.transaction(WORKER) as tx:
        assert set(await lanes.cancel(tx, "gone")) == set(ids)
    [prepared_no_more] = await send(stage, lanes, "gone")
    told.gone.add(prepared_no_more)
    other = await send(stage, lanes, "ok")
    async with running(lambda stop: lanes.run(stage.database, stop)):
        await all_done(stage)
    assert told.done == other
    assert [(each.result, each.why) for each in told.outcomes if each.of.lane == "gone"] == [(None, None)]
    assert receiver.calls["/gone"] == 0


async def test_who_is_told_to_end_records_what_is_under_way_and_takes_up_nothing_more(
    stage: Stage, receiver: Receiver
) -> None:
    told = Told(receiver.url)
    lanes, stop = told.lanes(), asyncio.Event()
    await send(stage, lanes, "slow", 3, most=1)
    working = asyncio.create_task(lanes.run(stage.database, stop))

    async def under_way() -> bool:
        return receiver.under_way["/slow"] == 1

    await until(under_way, "one is under way")
    stop.set()
    receiver.release.set()
    await asyncio.wait_for(working, 20)
    assert len(told.done) == 1
    assert receiver.calls["/slow"] == 1
    assert await stage.fetchval("SELECT count(*) FROM lane_calls WHERE claim IS NULL") == 2


async def test_a_call_is_made_after_the_commit_alone_and_once_for_its_id(stage: Stage, receiver: Receiver) -> None:
    told = Told(receiver.url)
    lanes = told.lanes()
    [id] = some(1)
    with suppress(RuntimeError):
        async with stage.database.transaction(WORKER) as tx:
            lanes.send(tx, id, "get", lane="ok")
            await tx.flush()
            raise RuntimeError("no")
    for _ in range(2):
        async with stage.database.transaction(WORKER) as tx:
            lanes.send(tx, id, "get", lane="ok")
    async with running(lambda stop: lanes.run(stage.database, stop)):
        await all_done(stage)
    assert receiver.calls["/ok"] == 1


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_dies_and_fails_each_call_ends_once(stage: Stage, receiver: Receiver, seed: int) -> None:
    random, ended = Random(seed), Counter[UUID]()
    lanes = {f"lane{n}": n for n in (1, 2, 3, 4)}

    async def answer(_request: web.Request) -> web.Response:
        # some let others go first: who is overtaken is as random as what is answered
        for _ in range(random.randint(0, 20)):
            await asyncio.sleep(0)
        return web.Response(status=random.choice((200, 200, 200, 410, 503)))

    receiver.answers = {f"/{lane}": answer for lane in lanes}
    told = Told(receiver.url)

    async def record(outcomes: Sequence[Outcome], tx: Transaction) -> None:
        if random.random() < 0.1:
            raise RuntimeError("not now")
        over = [each.of.id for each in outcomes if each.again_in is None]
        # in the database, so that it is undone with the transaction
        await tx.connection.executemany(
            "INSERT INTO things (id, version, revision, moves) VALUES ($1, 0, 0, 0)", [(id,) for id in over]
        )
        ended.update(over)

    def worker() -> asyncio.Task[None]:
        made = Lanes("test")
        made.on("get", prepare=told.prepare, call=told.call, record=record, schedule=AT_ONCE)
        return asyncio.create_task(made.run(stage.database, asyncio.Event()))

    workers = [worker(), worker()]
    ids = list[UUID]()
    try:
        for _ in range(6):
            for lane, most in lanes.items():
                ids += await send(stage, told.lanes(), lane, random.randint(1, 12), most=most)
            await abandon(workers.pop(0))
            # no lease is waited for: the dead one's are over, and nobody is kept off by a lane that failed
            await stage.fetchval("UPDATE lane_calls SET due_at = clock_timestamp() WHERE claim IS NOT NULL")
            workers.append(worker())

        async def through() -> bool:
            await stage.fetchval("UPDATE call_lanes SET failures = 0, resumes_at = NULL, next_at = clock_timestamp()")
            return await none_left(stage)

        await until(through, "every call is over", seconds=60)
    finally:
        for task in workers:
            await abandon(task)
    assert set(ended) == set(ids)
    assert await stage.fetchval("SELECT count(*) FROM things") == len(ids)
