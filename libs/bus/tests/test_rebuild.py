"""Reading a table anew from a real log, with real events coming in meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.bus import rebuild as rebuilding
from libs.bus.envelope import Delivery
from libs.bus.log import KafkaLog, Log, LogUnavailable, Offsets
from libs.bus.projections import Projection
from libs.bus.rebuild import RebuildBusy, Rebuilt, rebuild
from libs.bus.replay import discard, replay
from libs.bus.tests.stage import Stage, Tally, Thing, running, some, until
from libs.store import EmitRefused, Transaction

TALLIES = Projection(Tally)


@dataclass
class Watched:
    """A log that lets something happen after each batch it has handed over."""

    log: Log
    then: Callable[[], Awaitable[None]]

    async def read(self, start: Offsets, end: Offsets) -> AsyncIterator[list[Delivery]]:
        async for batch in self.log.read(start, end):
            yield batch
            await self.then()


@asynccontextmanager
async def log_of(stage: Stage, then: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[Log]:
    async with KafkaLog(stage.kafka, batch=7) as log:
        yield Watched(log, then) if then else log


async def rebuilt(stage: Stage, then: Callable[[], Awaitable[None]] | None = None, **how: Any) -> Rebuilt:
    async with log_of(stage, then) as log:
        return await rebuild(stage.owner_url, stage.handlers, TALLIES, log, **how)


async def tallied(stage: Stage, things: list[UUID], moves: int) -> bool:
    numbers = await stage.numbers()
    return all(len(numbers.get(id, [])) >= moves for id in things)


async def consumed(stage: Stage, *, moves: int = 4) -> list[UUID]:
    """Twenty things whose moves were all handled."""
    things = some(20)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(moves):
            await stage.move(*things)
        await until(lambda: tallied(stage, things, moves), "all are handled")
    return things


async def edit(stage: Stage, id: UUID) -> None:
    await stage.fetchval("UPDATE tallies SET numbers = '[99]' WHERE id = $1", id)


async def the_rest(stage: Stage) -> list[Any]:
    """What a rebuild has no business with."""
    tables = ("outbox", "timers", "jobs", "inbox", "consumer_offsets", "consumed_versions", "dead_letters", "things")
    return [await stage.fetchval(f"SELECT array_agg(t::text ORDER BY t::text) FROM {table} t") for table in tables]


async def test_what_is_consumed_meanwhile_is_in_and_what_was_wrong_is_mended(stage: Stage) -> None:
    stage.tally()
    things = await consumed(stage)
    await edit(stage, things[3])
    looked, wrong = 0, []

    async def more_comes() -> None:
        nonlocal looked
        looked += 1
        wrong.append((await stage.numbers())[things[3]][0])
        if looked <= 4:
            await stage.move(*things)
            await until(lambda: tallied(stage, things[:3], 4 + looked), "what came meanwhile is handled")

    async with running(stage.relay().run, stage.consumer().run):
        done = await rebuilt(stage, more_comes)
        await until(lambda: tallied(stage, things, 8), "all are handled")
    assert [(each.id, each.what, each.columns) for each in done.differences] == [(things[3], "changed", ("numbers",))]
    assert set(wrong) == {99}, "nothing half-done was to be seen"
    assert await stage.numbers() == {id: list(range(8)) for id in things}
    assert 80 < done.events <= 160


async def test_a_log_that_holds_events_twice_is_read_as_it_was_consumed(stage: Stage) -> None:
    stage.tally()
    things = await consumed(stage)
    await stage.append_again((await stage.published())[:30])
    async with running(stage.consumer().run):
        await until(lambda: all_passed(stage, 110), "the copies are passed")
    before = await the_rest(stage)
    assert (await rebuilt(stage)).differences == []
    await edit(stage, things[0])
    assert len((await rebuilt(stage)).differences) == 1
    assert await stage.numbers() == {id: [0, 1, 2, 3] for id in things}
    assert await the_rest(stage) == before


async def test_a_rebuild_that_stands_still_holds_consumption_up_for_a_while_only(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.tally()
    things = await consumed(stage)
    monkeypatch.setitem(rebuilding._NOT_FOR_EVER, "idle_in_transaction_session_timeout", "5s")
    holding, went_on = asyncio.Event(), asyncio.Event()

    class Silent:
        """A log that says nothing more once the offsets are locked."""

        times = 0

        async def read(self, start: Offsets, end: Offsets) -> AsyncIterator[list[Delivery]]:
            self.times += 1
            if self.times > 1:
                holding.set()
                await asyncio.wait_for(went_on.wait(), 30)
            async with KafkaLog(stage.kafka, batch=7) as log:
                async for batch in log.read(start, end):
                    yield batch

    stands_still = asyncio.ensure_future(rebuild(stage.owner_url, stage.handlers, TALLIES, Silent()))
    async with running(stage.relay().run, stage.consumer().run):
        await asyncio.wait_for(holding.wait(), 20)
        await stage.move(*things)
        await until(lambda: tallied(stage, things, 5), "the events that came meanwhile are handled")
        went_on.set()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await stands_still


async def test_a_later_copy_of_an_event_that_was_given_up_is_given_up_too(stage: Stage) -> None:
    id = some(1)[0]

    async def fail(event: Any) -> None:
        if event.n == 1:
            raise ValueError("never")

    stage.tally(before=fail)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(3):
            await stage.move(id)
        await until(lambda: all_passed(stage, 3), "passed")
        assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 1
        await stage.append_again(await stage.published())
        await until(lambda: all_passed(stage, 6), "the copies are passed")
    assert await stage.numbers() == {id: [0, 2]}
    assert (await rebuilt(stage)).differences == []


async def all_passed(stage: Stage, records: int) -> bool:
    return bool(await stage.fetchval("SELECT sum(next) FROM consumer_offsets") == records)


async def test_a_rebuild_that_dies_half_way_leaves_the_table_and_the_next_one_begins_again(stage: Stage) -> None:
    stage.tally()
    things = await consumed(stage)
    await edit(stage, things[0])
    broken, before = await stage.numbers(), await the_rest(stage)

    async def die() -> None:
        """As kill -9 looks to PostgreSQL: every connection of the rebuild is gone."""
        owner = await asyncpg.connect(stage.owner_url)
        await owner.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = user AND pid <> pg_backend_pid()"
        )
        await owner.close()
        raise ConnectionResetError("and with it the process")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
        await rebuilt(stage, die)
    assert (await stage.numbers(), await the_rest(stage)) == (broken, before)
    left = "SELECT count(*) FROM pg_tables WHERE schemaname = 'rebuild'"
    assert await stage.fetchval(left) > 0, "it had begun"
    assert len((await rebuilt(stage)).differences) == 1
    assert await stage.numbers() == {id: [0, 1, 2, 3] for id in things}
    assert await stage.fetchval(left) == 0


async def test_a_handler_that_tells_or_writes_another_table_is_refused(stage: Stage) -> None:
    acts: list[Callable[[Transaction, UUID], object]] = []

    async def tally_and_act(event: Any, tx: Transaction) -> None:
        found = await Tally.find(event.thing_id, tx, lock=True) or tx.add(Tally(id=event.thing_id))
        found.numbers.append(event.n)
        for act in acts:
            act(tx, event.thing_id)

    stage.handlers(stage.ThingMoved, load={Tally: "thing_id"})(tally_and_act)
    things = await consumed(stage)
    await edit(stage, things[0])
    broken, before = await stage.numbers(), await the_rest(stage)
    for act in (
        lambda tx, thing: tx.emit(stage.ThingMoved(thing_id=thing, n=7)),
        lambda tx, thing: tx.set_timer(Tally(id=thing), "ring", tx.now),
        lambda tx, thing: tx.start_job(Tally(id=thing), "call", destination="there"),
        lambda tx, thing: tx.add(Thing(id=some(1)[0], account_id=thing)),
    ):
        acts[:] = [act]
        with pytest.raises(EmitRefused, match="a rebuild of tallies"):
            await rebuilt(stage)
        assert (await stage.numbers(), await the_rest(stage)) == (broken, before)


async def test_what_was_never_handled_is_left_out_and_a_line_replayed_meanwhile_is_in(stage: Stage) -> None:
    poison = {1}

    async def fail(event: Any) -> None:
        if event.n in poison:
            raise ValueError("poison")

    stage.tally(before=fail)
    given_up, waiting = things = some(2)

    async def in_line() -> bool:
        return bool(await stage.fetchval("SELECT count(*) FROM dead_letters") == 4)

    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(3):
            await stage.move(*things)
        await until(in_line, "both keys wait with two events each")
    poison.clear()
    assert (await discard(stage.database, stage.handlers, stage.topic, given_up)).handled == 1
    assert (await rebuilt(stage)).differences == []
    assert await stage.numbers() == {given_up: [0, 2], waiting: [0]}

    async def bring_back() -> None:
        with suppress(LookupError):  # brought back before
            await replay(stage.database, stage.handlers, stage.topic, waiting)

    assert (await rebuilt(stage, bring_back)).differences == []
    assert await stage.numbers() == {given_up: [0, 2], waiting: [0, 1, 2]}


async def test_a_log_that_is_not_whole_is_refused_and_so_is_a_second_rebuild(stage: Stage) -> None:
    stage.tally()
    things = await consumed(stage)
    broken = await stage.numbers()

    async def another() -> None:
        with pytest.raises(RebuildBusy):
            await rebuilt(stage)

    assert (await rebuilt(stage, another)).differences == []
    await edit(stage, things[0])
    await stage.fetchval("UPDATE consumer_offsets SET next = next + 1000")
    with pytest.raises(LogUnavailable, match=f"{stage.topic}/"):
        await rebuilt(stage)
    assert await stage.numbers() == broken | {things[0]: [99]}
