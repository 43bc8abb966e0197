"""What is swept out of the runtime's tables is missed by nobody."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from libs.bus.retention import Retention, sweep
from libs.bus.tests.aging import Log, Model, Reader, a_stage_without_a_broker, begin_anew, time_passes
from libs.bus.tests.stage import WORKER, Stage

RECORDS = 8
KEPT = replace(Retention(), inbox_records=RECORDS)
KEYS = [uuid4() for _ in range(3)]
_keys = st.integers(0, len(KEYS) - 1)
steps = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 6), _keys),
    st.tuples(st.just("read"), st.integers(1, 12)),
    st.tuples(st.just("a relay died"), st.just(0)),
    st.tuples(st.just("a zombie relay"), st.integers(0, 60)),
    st.tuples(st.just("poison"), _keys),
    st.tuples(st.sampled_from(["replay", "discard"]), _keys),
    st.tuples(st.just("days"), st.sampled_from([1, 6, 15, 40, 401])),
    st.tuples(st.just("sweep"), st.just(0)),
    st.tuples(st.just("a newcomer"), st.just(0)),
)
A_MONTH_LATER = [("days", 1), ("sweep", 0), ("days", 40), ("sweep", 0)]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def stage(postgres_url: str) -> AsyncIterator[Stage]:
    async with a_stage_without_a_broker(postgres_url) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def world(stage: Stage) -> "World":
    await begin_anew(stage)
    return World(stage)


class World:
    """A reader, its model, and what happens to both."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.log = stage, Log(stage)
        self.reader = Reader(stage, self.log, "reader")
        self.model = Model(self.log, self.reader.poison)
        self.first_read: dict[object, int] = {}
        self.today, self.newcomers = 0, 0

    async def happens(self, what: str, number: int, key: int = 0) -> None:
        match what:
            case "publish":
                for i in range(number):
                    self.log.publish(KEYS[(key + i) % len(KEYS)])
            case "read":
                await self.read(number)
            case "a relay died":
                self.log.resend(RECORDS)
            case "a zombie relay":  # it wakes up within days, and the consumer is not behind
                recent = [d for d in self.log.records if self.today - self.first_read.get(d.event_id, self.today) < 14]
                if recent:
                    self.log.repeat(recent[number % len(recent)])
                    await self.read(len(self.log.records))
            case "poison":
                self.reader.poison.add((KEYS[number], self.log.versions.get(KEYS[number], 0) + 1))
            case "replay" if KEYS[number] in self.model.lines:
                await self.replay(number)
            case "discard" if KEYS[number] in self.model.lines:
                await self.reader.discard(KEYS[number])
                self.model.discard(KEYS[number])
            case "days":
                await time_passes(self.stage, timedelta(days=number))
                self.today += number
            case "sweep":
                await sweep(self.stage.database, KEPT)
            case "a newcomer":
                self.newcomers += 1
                newcomer = Reader(self.stage, self.log, f"newcomer {self.newcomers}")
                await newcomer.read(len(self.log.records) // 2)
                await sweep(self.stage.database, KEPT)
                await newcomer.read(len(self.log.records))
                for key_ in KEYS:
                    assert await newcomer.numbers(key_) == list(range(1, self.log.versions.get(key_, 0) + 1))

    async def read(self, count: int) -> None:
        for record in self.log.records[self.reader.next : self.reader.next + count]:
            self.first_read.setdefault(record.event_id, self.today)
        await self.reader.read(count)
        self.model.read(count)

    async def replay(self, number: int) -> None:
        self.reader.poison -= {pair for pair in self.reader.poison if pair[0] == KEYS[number]}
        await self.reader.replay(KEYS[number])
        self.model.replay(KEYS[number])

    async def comes_to_rest(self) -> None:
        await self.read(len(self.log.records))
        for number, key in enumerate(KEYS):
            if key in self.model.lines:
                await self.replay(number)
            assert await self.reader.numbers(key) == self.model.numbers.get(key, [])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=6, max_size=30))
@example([("publish", 6, 0), ("read", 6), *A_MONTH_LATER, ("a relay died", 0), *A_MONTH_LATER, ("a newcomer", 0)])
@example(  # a copy that waits behind a dead letter
    [
        ("publish", 3, 0),
        ("read", 3),
        ("poison", 0),
        ("publish", 1, 0),
        ("read", 1),
        ("a zombie relay", 0),
        ("sweep", 0),
        ("publish", 20, 1),
        ("read", 20),
        *A_MONTH_LATER,
        ("replay", 0),
    ]
)
@example(  # a copy that comes after many others, but soon
    [
        ("publish", 20, 0),
        ("read", 20),
        ("sweep", 0),
        ("publish", 20, 0),
        ("read", 20),
        ("days", 6),
        ("sweep", 0),
        ("a zombie relay", 0),
    ]
)
async def test_a_consumer_whose_tables_are_swept_does_what_one_does_that_keeps_everything(
    stage: Stage, story: list[tuple[str, int]] | list[tuple[str, int, int]]
) -> None:
    await begin_anew(stage)
    world = World(stage)
    for step in story:
        await world.happens(*step)
    await world.comes_to_rest()


async def test_the_inbox_does_not_grow_with_the_events_that_ever_were(stage: Stage, world: World) -> None:
    for _ in range(6):
        await world.happens("publish", 30)
        await world.happens("read", 30)
        for step in A_MONTH_LATER:
            await world.happens(*step)
    assert await stage.fetchval("SELECT count(*) FROM inbox") == 30, "the last eight, and what came with them"
    assert await stage.fetchval("SELECT count(*) FROM inbox_marks") < 6
    await time_passes(stage, timedelta(days=401))
    assert (await sweep(stage.database, KEPT))["consumed_versions"] == len(KEYS)


async def test_of_the_dead_letters_only_those_that_were_replayed_go(stage: Stage, world: World) -> None:
    for number in range(3):
        await world.happens("poison", number)
    await world.happens("publish", 6)
    await world.happens("read", 6)
    await world.happens("replay", 0)
    await world.happens("discard", 1)
    await time_passes(stage, timedelta(days=100))
    assert (await sweep(stage.database, KEPT))["dead_letters"] == 3
    await world.comes_to_rest()


async def test_a_sweep_waits_for_nobody_and_nobody_for_it(stage: Stage, world: World) -> None:
    """A consumer holds its transaction open; what it has locked stays, and the sweep is done before it ends."""
    await world.happens("publish", 30)
    await world.happens("read", 30)
    for step in A_MONTH_LATER[:3]:
        await world.happens(*step)
    await time_passes(stage, timedelta(days=400))
    async with stage.database.transaction(WORKER) as held:
        await held.connection.execute(
            "UPDATE consumed_versions SET raised_at = clock_timestamp() WHERE subject = $1", KEYS[0]
        )
        removed = await asyncio.wait_for(sweep(stage.database, KEPT), 10)
        assert "consumed_versions" not in removed, "one of the stretch is locked"
        await world.happens("publish", 9, 1)
    assert (await sweep(stage.database, KEPT))["consumed_versions"] == len(KEYS) - 1
    await world.comes_to_rest()
