import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from libs.bus.tests.stage import WORKER, Fired, Stage, Thing, running, some, timers, until
from libs.bus.timers import TimerLoop


@asynccontextmanager
async def a_process(stage: Stage, what: str) -> AsyncIterator[Process]:
    """A loop in its own process, killed at the end."""
    kafka = stage.kafka
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "libs.bus.tests.loops",
        what,
        stage.url,
        kafka.bootstrap,
        kafka.user,
        kafka.password,
        stage.name,
        stdout=PIPE,
    )
    assert process.stdout
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"up\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


async def _now(stage: Stage) -> datetime:
    now: datetime = await stage.fetchval("SELECT app_now()")
    return now


async def _fired(stage: Stage, count: int) -> bool:
    return len(await stage.firings()) >= count


async def test_a_timer_whose_worker_is_killed_before_it_is_due_fires_once_and_not_early(stage: Stage) -> None:
    async with a_process(stage, "timers") as worker:
        async with stage.database.transaction(WORKER) as tx:
            tx.set_timer(tx.add(Thing(id=some(1)[0])), "ring", tx.now)
        await until(lambda: _fired(stage, 1), "the worker is at work")
        await stage.fetchval("DELETE FROM firings")
        async with stage.database.transaction(WORKER) as tx:
            due = tx.now + timedelta(hours=1)
            tx.set_timer(tx.add(Thing(id=some(1)[0])), "ring", due)
        await stage.fetchval("UPDATE app_clock SET time_offset = '59 minutes'")
        worker.kill()
        await worker.wait()
    assert await stage.firings() == []
    await stage.fetchval("UPDATE app_clock SET time_offset = '59 minutes 58 seconds'")
    async with a_process(stage, "timers"), a_process(stage, "timers"):
        await until(lambda: _fired(stage, 1), "another worker fires it")
        await until(lambda: _reached(stage, due + timedelta(seconds=1)), "and nobody fires it again")
    [firing] = await stage.firings()
    assert firing.at >= due


async def _reached(stage: Stage, instant: datetime) -> bool:
    return await _now(stage) >= instant


async def test_a_timer_that_was_cancelled_or_moved_does_not_fire_at_its_old_time(stage: Stage) -> None:
    ids = some(3)
    async with stage.database.transaction(WORKER) as tx:
        for id in ids:
            tx.set_timer(tx.add(Thing(id=id)), "ring:first", tx.now + timedelta(milliseconds=300))
    async with stage.database.transaction(WORKER) as tx:
        cancelled, moved, _ = [await Thing.get(id, tx, lock=True) for id in ids]
        tx.cancel_timer(cancelled, "ring:first")
        tx.set_timer(moved, "ring:first", tx.now + timedelta(days=1))
    async with running(TimerLoop(timers, stage.database).run):
        await until(lambda: _fired(stage, 1), "the untouched one fires")
    assert [(f.thing_id, f.detail) for f in await stage.firings()] == [(ids[2], "first")]
    assert await stage.fetchval("SELECT count(*) FROM timers") == 1


@pytest.mark.parametrize("seed", [11, 12])
async def test_each_timer_fires_once_or_is_cancelled_under_any_race(stage: Stage, seed: int) -> None:
    """A model: what commands set and cancelled while four loops fire; never twice, never early, never after a cancel."""
    random, ids = Random(seed), some(40)
    async with stage.database.transaction(WORKER) as tx:
        for id in ids:
            tx.add(Thing(id=id))
    set_at: dict[tuple[object, str], datetime] = {}
    cancelled: set[tuple[object, str]] = set()

    async def commands(n: int) -> None:
        for i in range(40):
            id, detail = random.choice(ids), f"{n}-{i}"
            async with stage.database.transaction(WORKER) as tx:
                thing = await Thing.get(id, tx, lock=True)
                due = tx.now + timedelta(milliseconds=random.randint(-5, 150))
                tx.set_timer(thing, f"ring:{detail}", due)
            set_at[id, detail] = due
            if random.random() < 0.4:
                async with stage.database.transaction(WORKER) as tx:
                    thing = await Thing.get(id, tx, lock=True)
                    if not await tx.select(Fired, Fired.c.thing_id == id, Fired.c.detail == detail):
                        tx.cancel_timer(thing, f"ring:{detail}")
                        cancelled.add((id, detail))

    loops = [TimerLoop(timers, stage.database).run for _ in range(4)]
    async with running(*loops):
        await asyncio.gather(*(commands(n) for n in range(4)))
        await until(lambda: _fired(stage, len(set_at) - len(cancelled)), "all that stood have fired")
    firings = [((f.thing_id, f.detail), f.at) for f in await stage.firings()]
    assert len({key for key, _ in firings}) == len(firings), "never twice"
    assert {key for key, _ in firings} == set(set_at) - cancelled, "once, or cancelled"
    assert all(at >= set_at[key] for key, at in firings), "never early"
    assert await stage.fetchval("SELECT count(*) FROM timers") == 0


async def test_a_timer_whose_effect_cannot_be_stored_holds_up_no_other(stage: Stage) -> None:
    bad, *good = some(12)
    async with stage.database.transaction(WORKER) as tx:
        tx.set_timer(tx.add(Thing(id=bad)), f"clash:{bad}", tx.now)
        for id in good:
            tx.set_timer(tx.add(Thing(id=id)), "ring", tx.now)
    async with running(TimerLoop(timers, stage.database).run):
        await until(lambda: _fired(stage, len(good)), "the others fire")
    assert {f.thing_id for f in await stage.firings()} == set(good)
    assert await stage.fetchval("SELECT count(*) FROM timers") == 1, "the failing one is kept"


async def test_trouble_that_passes_does_not_make_a_backlog_go_one_by_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, turns, fire_due = some(60), 0, timers.fire_due
    async with stage.database.transaction(WORKER) as tx:
        for id in ids:
            tx.set_timer(tx.add(Thing(id=id)), "ring", tx.now)

    async def after_an_outage(*args: Any, **how: Any) -> int:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise ConnectionResetError("the database was started again")
        return await fire_due(*args, **how)

    monkeypatch.setattr(timers, "fire_due", after_an_outage)
    async with running(TimerLoop(timers, stage.database).run):
        await until(lambda: _fired(stage, len(ids)), "all fire")
    assert turns < len(ids) / 2


async def test_a_backlog_is_fired_whole_and_once_by_the_two_halves(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.bus.timers.BACKLOG", 5)
    ids = some(60)
    loop = TimerLoop(timers, stage.database)
    monkeypatch.setattr(loop, "_limit", 10)
    async with stage.database.transaction(WORKER) as tx:
        for id in ids:
            tx.set_timer(tx.add(Thing(id=id)), "ring", tx.now)
    async with running(loop.run):
        await until(lambda: _fired(stage, len(ids)), "all fire")
    assert {f.thing_id for f in await stage.firings()} == set(ids)


async def test_a_timer_that_another_one_cancels_in_the_same_transaction_does_not_fire(stage: Stage) -> None:
    async with stage.database.transaction(WORKER) as tx:
        thing = tx.add(Thing(id=some(1)[0]))
        tx.set_timer(thing, "call_off:ring:late", tx.now)
        tx.set_timer(thing, "ring:late", tx.now + timedelta(milliseconds=1))
        tx.set_timer(thing, "ring:kept", tx.now + timedelta(milliseconds=1))
    await until(lambda: _due(stage, 3), "all are due")
    await timers.fire_due(stage.database)
    assert [f.detail for f in await stage.firings()] == ["kept"]


async def _due(stage: Stage, count: int) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM timers WHERE due_at <= app_now()") == count)


async def test_a_timer_without_its_aggregate_is_dropped(stage: Stage) -> None:
    async with stage.database.transaction(WORKER) as tx:
        tx.set_timer(tx.add(Thing(id=some(1)[0])), "ring", tx.now)
    await stage.fetchval("DELETE FROM things")
    assert await timers.fire_due(stage.database) == 0
    assert await stage.fetchval("SELECT count(*) FROM timers") == 0


async def test_timers_follow_the_sandbox_clock(stage: Stage) -> None:
    async with stage.database.transaction(WORKER) as tx:
        thing = tx.add(Thing(id=some(1)[0]))
        tx.set_timer(thing, "ring", tx.now + timedelta(days=3))
    assert await timers.fire_due(stage.database) == 0
    await stage.fetchval("UPDATE app_clock SET time_offset = '2 days 23 hours 59 minutes'")
    assert await timers.fire_due(stage.database) == 0
    await stage.fetchval("UPDATE app_clock SET time_offset = '3 days 1 hour'")
    assert await timers.fire_due(stage.database) == 1
    assert (await stage.firings())[0].at > datetime.now(UTC) + timedelta(days=3)


async def test_a_stopped_relay_that_resumes_as_a_zombie_changes_nothing(stage: Stage) -> None:
    things = some(10)
    async with a_process(stage, "relay") as first:
        await stage.move(*things)
        await until(lambda: _has(stage, things, 1), "it leads")
        async with running(stage.relay(page=5).run):
            first.send_signal(signal.SIGSTOP)
            await stage.move(*things)
            await until(
                lambda: _has(stage, things, 2), "the other one takes over once it has been silent for long enough"
            )
            first.send_signal(signal.SIGCONT)
            await stage.move(*things)
            await until(lambda: _has(stage, things, 3), "and goes on beside the zombie")
    assert await stage.published_numbers() == {id: [0, 1, 2] for id in things}


async def _has(stage: Stage, things: list[UUID], moves: int) -> bool:
    numbers = await stage.published_numbers()
    return all(len(numbers.get(id, [])) >= moves for id in things)
