"""How a consumer stands is known in every process of its service, and to nobody wrongly for long."""

import asyncio
import re
from typing import Any
from uuid import uuid4

from libs.bus import standing as standings
from libs.bus.standing import say, standing, trouble
from libs.bus.tests.stage import Stage, running, some, until


async def stands(stage: Stage) -> tuple[str, str]:
    async with stage.database.pool.acquire() as connection:
        found = await standing(connection, stage.name)
    return found.status, found.detail


async def has_status(stage: Stage, status: str) -> bool:
    return (await stands(stage))[0] == status


async def test_who_consumes_says_so_who_halts_says_why_and_who_ends_is_missed(stage: Stage) -> None:
    async def fail(event: Any) -> None:
        raise TypeError(f"the value of {event.thing_id}")

    assert (await stands(stage))[0] == "away"
    stage.tally(before=fail)
    async with running(stage.relay().run, stage.consumer(dead_letter_limit=3).run):
        await until(lambda: has_status(stage, "ok"), "it says that it consumes")
        things = some(20)
        await stage.move(*things)
        await until(lambda: has_status(stage, "halted"), "it says that it has halted")
        _, reason = await stands(stage)
        assert reason.startswith("3 keys in a row were parked, the last for TypeError")
        assert await trouble(stage.database, stage.name) == f"halted: {reason}"
        assert not any(str(id) in reason for id in things)
    assert (await stands(stage))[0] == "away", "it said that it leaves"
    stage.handlers._handlers.clear()
    stage.tally()
    async with running(stage.relay().run, stage.consumer().run):
        await until(lambda: has_status(stage, "degraded"), "it consumes, and keys are parked")
        assert re.fullmatch(r"degraded: \d+ keys are parked", str(await trouble(stage.database, stage.name)))


async def test_one_of_two_members_that_has_halted_is_no_halt(stage: Stage) -> None:
    halted, well = uuid4(), uuid4()
    await say(stage.database, stage.name, halted, halted="holds what is newer than this code", lag=0)
    assert await has_status(stage, "halted")
    await say(stage.database, stage.name, well, halted=None, lag=0)
    assert await stands(stage) == ("degraded", "1 of 2 consumers have halted: holds what is newer than this code")


async def test_much_that_is_still_to_be_consumed_is_behind_and_no_trouble_of_readiness(stage: Stage) -> None:
    await say(stage.database, stage.name, uuid4(), halted=None, lag=standings.BEHIND_EVENTS + 1)
    assert await has_status(stage, "behind")
    assert await trouble(stage.database, stage.name) is None


async def test_a_member_that_is_silent_for_too_long_is_away(stage: Stage) -> None:
    await say(stage.database, stage.name, uuid4(), halted=None, lag=0)
    await stage.fetchval("UPDATE consumer_states SET at = at - interval '21 seconds'")
    assert await has_status(stage, "away")


async def test_a_database_that_takes_no_word_stops_nobody(stage: Stage) -> None:
    async with stage.database.pool.acquire() as other, other.transaction():
        await other.execute("LOCK consumer_states")
        await asyncio.wait_for(say(stage.database, stage.name, uuid4(), halted=None, lag=0), 10)
    assert await has_status(stage, "away")
