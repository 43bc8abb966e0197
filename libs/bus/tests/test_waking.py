"""Whoever takes up what a commit left is woken for it, in whichever process: here their own looks come once an hour."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from libs.bus import JobRun, Jobs
from libs.bus.jobs import TryLater
from libs.bus.relay import Relay
from libs.bus.tests.facts import published
from libs.bus.tests.stage import WORKER, Stage, Thing, running, some, timers, until
from libs.bus.timers import TimerLoop
from libs.bus.waking import notify_workers
from libs.store import Database, Transaction

HOUR = 3600.0
Loop = Callable[[asyncio.Event], Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(stage: Stage) -> AsyncIterator[Database]:
    """The same database as another process has it."""
    database = await Database.connect(stage.url, size=2)
    yield database
    await database.close()


def relay_on(stage: Stage, database: Database) -> Relay:
    return Relay(database, stage.url, stage.kafka, name=stage.name, poll_seconds=HOUR, silence_seconds=HOUR)


async def move(stage: Stage, database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        await stage.move_in(tx, some(1)[0])


async def set_timer(database: Database, seconds: float) -> None:
    async with database.transaction(WORKER) as tx:
        tx.set_timer(tx.add(Thing(id=some(1)[0])), "ring", tx.now + timedelta(seconds=seconds))


async def rung(stage: Stage, count: int) -> bool:
    return len(await stage.firings()) == count


async def test_a_relay_is_woken_by_a_commit_beside_it_and_by_one_of_a_process_that_has_none(
    stage: Stage, elsewhere: Database
) -> None:
    async with running(relay_on(stage, stage.database).run, lambda stop: notify_workers(elsewhere, stop)):
        for count, database in enumerate((stage.database, stage.database, elsewhere, stage.database, elsewhere), 1):
            await move(stage, database)
            await until(lambda: published(stage, count), f"{count} are published")  # noqa: B023 - awaited here


async def test_a_relay_that_stands_by_wakes_the_one_that_leads(stage: Stage, elsewhere: Database) -> None:
    standing_by = relay_on(stage, elsewhere)

    async def stands_by() -> bool:
        return await standing_by.check() is None

    async with running(relay_on(stage, stage.database).run):
        await move(stage, stage.database)
        await until(lambda: published(stage, 1), "one leads")
        async with running(standing_by.run):
            await until(stands_by, "the other stands by")
            await move(stage, elsewhere)
            await until(lambda: published(stage, 2), "it is published all the same")


async def test_timers_are_woken_for_one_that_is_due_soon_and_fire_at_its_instant(
    stage: Stage, elsewhere: Database
) -> None:
    loop = TimerLoop(timers, stage.database, longest_sleep=HOUR)
    relay, tells = relay_on(stage, stage.database), lambda stop: notify_workers(elsewhere, stop)
    async with running(loop.run, relay.run, tells):
        await set_timer(stage.database, 0)
        await until(lambda: rung(stage, 1), "it fires at once")
        await set_timer(stage.database, 0.5)
        await until(lambda: rung(stage, 2), "it fires when it is due")
        await move(stage, stage.database)
        await until(lambda: published(stage, 1), "the relay listens")
        await set_timer(elsewhere, 0.1)
        await until(lambda: rung(stage, 3), "and so does what another process has set")


async def test_a_call_is_made_at_once_and_again_when_its_pause_is_over(
    stage: Stage, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.bus.jobs._LOOK_SECONDS", HOUR)
    done: list[str] = []
    jobs = Jobs("test")

    async def call(run: JobRun, _: httpx.AsyncClient) -> dict[str, Any]:
        if run.attempt < 3:
            raise TryLater("not yet")
        return {}

    async def note(_thing: Thing, _result: dict[str, Any], _tx: Transaction) -> None:
        done.append("done")

    async def give_up(_thing: Thing, _reason: str, _tx: Transaction) -> None:
        done.append("failed")

    async def are_done(count: int) -> bool:
        return done == ["done"] * count

    async def start(database: Database) -> None:
        async with database.transaction(WORKER) as tx:
            tx.start_job(tx.add(Thing(id=some(1)[0])), "ask", destination="there")

    jobs.on(Thing, "ask", call=call, done=note, failed=give_up)
    tells: Loop = lambda stop: notify_workers(elsewhere, stop)  # noqa: E731
    async with running(lambda stop: jobs.run(stage.database, stop), relay_on(stage, stage.database).run, tells):
        await start(stage.database)
        await until(lambda: are_done(1), "the third attempt gets through")
        await move(stage, stage.database)
        await until(lambda: published(stage, 1), "the relay listens")
        await start(elsewhere)
        await until(lambda: are_done(2), "and what another process has left is done")
