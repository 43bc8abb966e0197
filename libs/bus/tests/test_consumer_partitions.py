"""Where a member begins to read: partitions that come, go, are held by others and are lost."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.tests.facts import published, tallied
from libs.bus.tests.stage import PARTITIONS, Stage, Thing, running, some, until
from libs.bus.waiting import within
from libs.store import Transaction


async def test_nothing_is_missed_when_the_groups_kafka_offsets_are_reset_to_latest(stage: Stage) -> None:
    stage.tally()
    things = some(20)
    async with running(stage.relay().run):
        async with running(stage.consumer().run):
            await stage.move(*things)
            await until(lambda: tallied(stage, things, 1), "handled")
        await stage.move(*things)
        await until(lambda: published(stage, 40), "published while nobody consumes")
        reset = AIOKafkaConsumer(**stage.kafka.common(), group_id=stage.name, enable_auto_commit=False)
        await reset.start()
        partitions = [TopicPartition(stage.topic, p) for p in range(PARTITIONS)]
        reset.assign(partitions)
        await reset.commit(await reset.end_offsets(partitions))
        await reset.stop()
        async with running(stage.consumer().run):
            await stage.move(*things)
            await until(lambda: tallied(stage, things, 3), "what was skipped by Kafka's offsets is handled")
    assert await stage.numbers() == {id: [0, 1, 2] for id in things}


async def test_partitions_taken_away_while_batches_wait_their_turn_stop_nothing(stage: Stage) -> None:
    things = some(40)
    consumer = stage.consumer(concurrency=1)
    taken = 0

    async def take_all_away(event: Any) -> None:
        nonlocal taken
        if taken < 3:
            taken += 1
            consumer.on_partitions_revoked(list(consumer.held))

    stage.tally(before=take_all_away)
    await stage.move(*things)
    async with running(stage.relay().run):
        await until(lambda: published(stage, 40), "published")
        async with running(consumer.run):
            await until(lambda: tallied(stage, things, 1), "all are handled")
    assert taken == 3


async def test_a_session_lost_while_partitions_are_placed_leaves_none_of_them_unread(stage: Stage) -> None:
    stage.tally()
    things, lost = some(20), 0
    await stage.move(*things)

    async def consume(stop: asyncio.Event) -> None:
        """As a worker does: a consumer that ends with an error is started again."""
        while not stop.is_set():
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError):
                await stage.consumer().run(stop)

    async def end_who_waits() -> bool:
        nonlocal lost
        lost += await other.fetchval(_END_WHO_WAITS)
        return bool(lost)

    async with running(stage.relay().run):
        await until(lambda: published(stage, 20), "published")
        async with stage.database.pool.acquire() as other:
            lock = other.transaction()
            await lock.start()
            await other.execute("LOCK consumer_offsets IN EXCLUSIVE MODE")
            async with running(consume):
                await until(end_who_waits, "the consumer asks where its partitions stand")
                await lock.rollback()
                await until(lambda: tallied(stage, things, 1), "all are handled")
    assert await stage.numbers() == {id: [0] for id in things}


_END_WHO_WAITS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE relation = 'consumer_offsets'::regclass AND NOT granted
"""


async def test_a_row_of_a_partition_that_somebody_holds_keeps_the_others_waiting_for_nothing(stage: Stage) -> None:
    stage.tally()
    things = some(40)
    await stage.move(*things)
    async with running(stage.relay().run):
        await until(lambda: published(stage, 40), "published")
        held, *others = {record.partition for record in await stage.published()}
        keys = {p: [r.key for r in await stage.published() if r.partition == p] for p in (held, *others)}
        await stage.fetchval("INSERT INTO consumer_offsets VALUES ($1, $2, $3, 0)", stage.name, stage.topic, held)
        async with stage.database.pool.acquire() as zombie:
            batch = zombie.transaction()
            await batch.start()
            await zombie.execute("SELECT FROM consumer_offsets FOR UPDATE")
            async with running(stage.consumer().run):
                await until(lambda: tallied(stage, [k for p in others for k in keys[p]], 1), "the others are handled")
                assert not set(keys[held]) & (await stage.numbers()).keys()
                await batch.rollback()
                await until(lambda: tallied(stage, things, 1), "and so is this one")
    assert await stage.numbers() == {id: [0] for id in things}


async def test_a_batch_that_met_a_deadlock_goes_on_event_by_event(stage: Stage) -> None:
    """Each partition's first event takes one of two rows, its second the other's."""
    rows, things, met = some(2), some(40), asyncio.Barrier(2)
    await stage.move(*rows)
    wanted, meeting, worked = dict[UUID, UUID](), set[UUID](), dict[UUID, list[int]]()

    async def take(event: Any, tx: Transaction) -> None:
        worked.setdefault(event.thing_id, []).append(
            await tx.connection.fetchval("SELECT pg_current_xact_id()::text::int")
        )
        if row := wanted.get(event.thing_id):
            await Thing.get(row, tx, lock=True)
        if event.thing_id in meeting:
            meeting.remove(event.thing_id)
            await met.wait()

    stage.handlers(stage.ThingMoved)(take)
    await stage.move(*things)
    async with running(stage.relay().run):
        await until(lambda: published(stage, 42), "published")
        by_partition = defaultdict[int, list[UUID]](list)
        for record in await stage.published():
            by_partition[record.partition] += [record.key] if record.key in things else []
        pairs = [keys[:2] for keys in by_partition.values() if len(keys) > 1][:2]
        wanted |= dict(zip([*pairs[0], *pairs[1]], [*rows, *reversed(rows)], strict=True))
        meeting |= {pair[0] for pair in pairs}
        async with running(stage.consumer().run):
            await until(lambda: _are_consumed(stage, 42), "all are handled")
    lasts = sorted(len({worked[key][-1] for key in pair}) for pair in pairs)
    assert lasts == [1, 2], "who won worked both at once, who lost one after the other"


async def _are_consumed(stage: Stage, count: int) -> bool:
    return bool(await stage.fetchval("SELECT sum(next) FROM consumer_offsets") == count)


async def test_members_that_come_and_go_handle_each_event_once(stage: Stage) -> None:
    stage.tally()
    things, stop = some(40), asyncio.Event()

    async def keep_moving() -> None:
        for _ in range(15):
            await stage.move(*things)

    async def come_and_go() -> None:
        for _ in range(4):
            async with running(stage.consumer().run):
                await within(0.7, stop)

    async with running(stage.relay().run, stage.consumer().run):
        await asyncio.gather(keep_moving(), come_and_go())
        await until(lambda: tallied(stage, things, 15), "all are handled", seconds=40)
    assert await stage.numbers() == {id: list(range(15)) for id in things}
