"""Calls that fail: when they are tried again, what a lane does meanwhile, and what becomes of an outcome that cannot be recorded."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiohttp import web

from libs.bus import Attempt, Lanes, Outcome
from libs.bus.backlog import backlog
from libs.bus.flight import FAILURES
from libs.bus.jobs import TryLater
from libs.bus.tests.receiver import Receiver
from libs.bus.tests.stage import Stage, running, until
from libs.bus.tests.strangers import Told, all_done, answers, hop, send
from libs.store import Transaction


async def test_a_lane_that_fails_is_tried_once_a_minute_and_the_others_in_it_use_up_no_attempt(
    stage: Stage, receiver: Receiver
) -> None:
    told = Told(receiver.url)
    lanes = told.lanes()
    answers(receiver, "/down", *[500] * (FAILURES + 3), 200)
    ids = await send(stage, lanes, "down", 10, most=3)
    async with running(lambda stop: lanes.run(stage.database, stop)):

        async def waits() -> bool:
            nothing_flies = "SELECT resumes_at > app_now() AND NOT EXISTS (SELECT FROM lane_calls WHERE claim IS NOT NULL) FROM call_lanes"
            return bool(await stage.fetchval(nothing_flies))

        await until(waits, "the lane waits a minute")
        # two more may have been under way when the fifth failed
        tried = receiver.calls["/down"]
        assert FAILURES <= tried <= FAILURES + 2
        for more in range(1, FAILURES + 4 - tried):
            await hop(stage, lanes, 1.1)

            async def tried_once_more(calls: int = tried + more) -> bool:
                return receiver.calls["/down"] == calls and await waits()

            await until(tried_once_more, "one is tried, and the lane waits again")
            assert receiver.calls["/down"] == tried + more
        await hop(stage, lanes, 1.1)
        await all_done(stage)
    assert Counter(told.over) == Counter(ids)
    assert sum(each.of.attempt for each in told.outcomes if each.again_in is None) == len(ids) + FAILURES + 3
    assert await stage.fetchval("SELECT (failures, resumes_at IS NULL) = (0, true) FROM call_lanes")


async def test_who_comes_too_late_with_an_outcome_is_not_heard(stage: Stage, receiver: Receiver) -> None:
    """Its lease was over, and another attempt has been made."""
    told, late = Told(receiver.url), asyncio.Event()
    lanes = told.lanes(schedule=(100.0, 100.0))

    async def answer(_request: web.Request) -> web.Response:
        if receiver.calls["/late"] == 1:
            await late.wait()
            return web.Response()
        return web.Response(status=503)

    receiver.answers["/late"] = answer
    [id] = await send(stage, lanes, "late", most=1)
    async with running(lambda stop: lanes.run(stage.database, stop)):

        async def under_way() -> bool:
            return receiver.under_way["/late"] == 1

        async def tried_again() -> bool:
            return bool(await stage.fetchval("SELECT claim IS NULL AND attempt = 2 FROM lane_calls"))

        await until(under_way, "it is under way")
        await stage.fetchval("UPDATE lane_calls SET due_at = clock_timestamp()")
        await stage.fetchval("UPDATE call_lanes SET next_at = clock_timestamp()")
        lanes.wake()
        await until(tried_again, "another attempt is recorded")
        late.set()
    assert [(each.of.id, each.of.attempt, each.result) for each in told.outcomes] == [(id, 2, None)]


async def test_short_pauses_go_by_the_machines_clock_and_long_ones_by_the_domains(
    stage: Stage, receiver: Receiver
) -> None:
    told = Told(receiver.url)
    lanes = told.lanes(schedule=(0.01, 1_800.0, 86_400.0))
    answers(receiver, "/down", 500)
    await hop(stage, lanes, 3 * 1_440)
    [id] = await send(stage, lanes, "down")

    async def tried(times: int) -> bool:
        return len(told.outcomes) == times

    async with running(lambda stop: lanes.run(stage.database, stop)):
        await until(lambda: tried(2), "the first pause is over by itself")
        for attempts, minutes in ((3, 37), (4, 1_729)):
            await until(lambda: asleep(stage), "it waits for the domain's clock")
            await hop(stage, lanes, minutes / 2)
            assert await stage.fetchval("SELECT wakes_at > app_now() FROM lane_calls")
            await hop(stage, lanes, minutes / 2)
            await until(lambda n=attempts: tried(n), "it is tried when the domain's clock says so")  # type: ignore[misc]
        await all_done(stage)
    assert told.over == [id]
    assert told.outcomes[-1].why


async def asleep(stage: Stage) -> bool:
    return bool(await stage.fetchval("SELECT due_at = 'infinity' AND wakes_at IS NOT NULL FROM lane_calls"))


async def test_an_outcome_that_cannot_be_recorded_is_kept_and_the_rest_of_its_batch_is_recorded(
    stage: Stage, receiver: Receiver
) -> None:
    told, refused = Told(receiver.url), Counter[UUID]()
    lanes = Lanes("test")
    ids = await send(stage, lanes, "ok", 12, most=12)

    async def record(outcomes: Sequence[Outcome], tx: Transaction) -> None:
        for each in outcomes:
            if each.of.id == ids[5] and refused[each.of.id] < 4:
                refused[each.of.id] += 1
                raise RuntimeError("not now")
        await told.record(outcomes, tx)

    lanes.on("get", prepare=told.prepare, call=told.call, record=record)
    async with running(lambda stop: lanes.run(stage.database, stop)):
        await all_done(stage)
    assert set(told.done) == set(ids)
    assert refused[ids[5]] == 4
    assert receiver.calls["/ok"] == 12


async def test_a_refusal_for_good_is_over_at_once_and_says_that_somebody_is_there(
    stage: Stage, receiver: Receiver
) -> None:
    told = Told(receiver.url)
    lanes = told.lanes()
    answers(receiver, "/gone", 410)
    ids = await send(stage, lanes, "gone", FAILURES + 3)
    async with running(lambda stop: lanes.run(stage.database, stop)):
        await all_done(stage)
    assert Counter(told.over) == Counter(ids)
    assert await stage.fetchval("SELECT failures FROM call_lanes") == 0


@pytest.mark.parametrize(("asked", "least", "most"), [(None, 80, 120), (150, 150, 150), (100_000, 160, 240)])
async def test_a_wish_for_later_is_heard_up_to_twice_the_step(
    stage: Stage, asked: float | None, least: float, most: float
) -> None:
    told = Told("")

    async def call(attempt: Attempt, url: str, http: httpx.AsyncClient) -> dict[str, Any]:
        raise TryLater("busy", asked)

    lanes = Lanes("test")
    lanes.on("get", prepare=told.prepare, call=call, record=told.record, schedule=(100.0,))
    await send(stage, lanes, "busy")
    async with running(lambda stop: lanes.run(stage.database, stop)):

        async def heard() -> bool:
            return bool(told.outcomes)

        await until(heard, "the attempt is recorded")
    assert least <= (told.outcomes[0].again_in or 0) <= most
    async with stage.database.pool.acquire() as connection:
        found = await backlog(connection)
    assert (found.lane_calls_due, found.lanes_failing, found.lanes_late_seconds) == (1, 0, 0)
