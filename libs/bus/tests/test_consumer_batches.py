"""Every event is handled once and in order, whatever the log holds and whoever else works the partition."""

from typing import Any
from uuid import UUID

import pytest

from libs.bus.applying import Applying, Held
from libs.bus.batch import Fenced, Partition, work
from libs.bus.tests.facts import handled_up_to_the_end, published, tallied
from libs.bus.tests.stage import WORKER, Stage, Thing, running, some, until
from libs.events import Event


async def test_every_event_is_handled_once_and_in_order(stage: Stage) -> None:
    stage.tally()
    things = some(30)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(5):
            await stage.move(*things)
        await until(lambda: tallied(stage, things, 5), "all are handled")
    assert await stage.numbers() == {id: [0, 1, 2, 3, 4] for id in things}


async def test_what_nobody_hears_is_passed_over_and_the_stored_offset_follows_unless_somebody_moved_it(
    stage: Stage,
) -> None:
    class ThingSeen(Event, type=f"polyplus.{stage.name}.thing-seen", visibility="internal", subject="thing_id"):
        """Nobody hears this."""

        thing_id: UUID

    async def see(times: int) -> None:
        async with stage.database.transaction(WORKER) as tx:
            for id in things:
                await Thing.find(id, tx, lock=True)
                for _ in range(times):
                    tx.emit(ThingSeen(thing_id=id))

    stage.tally()
    things = some(12)
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(*things)
        for times in (1, 20, 3):
            await see(times)
            await stage.move(*things)
        await see(5)
        await until(lambda: handled_up_to_the_end(stage), "the offset is behind what nobody heard")
        assert await stage.numbers() == {id: [0, 1, 2, 3] for id in things}
        async with stage.database.pool.acquire() as connection:
            await connection.execute(_FORGET_ALL)
        await see(1)
        await until(lambda: handled_up_to_the_end(stage), "it starts again from where it was put")
    assert await stage.numbers() == {id: [0, 1, 2, 3] for id in things}


_FORGET_ALL = """
DELETE FROM inbox; DELETE FROM consumed_versions; DELETE FROM tallies; UPDATE consumer_offsets SET next = 0
"""


async def test_the_same_500_records_appended_twice_change_nothing(stage: Stage) -> None:
    stage.tally()
    things = some(50)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(10):
            await stage.move(*things)
        await until(lambda: tallied(stage, things, 10), "500 are handled")
        before = await stage.numbers()
        await stage.append_again(await stage.published())
        await until(lambda: handled_up_to_the_end(stage), "the copies are passed")
    assert len(await stage.published()) == 1000
    assert await stage.numbers() == before == {id: list(range(10)) for id in things}


async def test_an_old_owner_of_a_partition_is_fenced(stage: Stage) -> None:
    stage.tally()
    id = some(1)[0]
    await stage.move(id)
    async with running(stage.relay().run):
        await until(lambda: published(stage, 1), "published")
    [record] = await stage.published()
    partition = Partition(stage.name, record.topic, record.partition)
    await stage.fetchval(
        "INSERT INTO consumer_offsets VALUES ($1, $2, $3, 0)", partition.consumer, partition.topic, partition.number
    )
    await work(stage.database, stage.handlers, partition, 0, [record], next=1)
    with pytest.raises(Fenced):
        await work(stage.database, stage.handlers, partition, 0, [record], next=1)
    assert await stage.numbers() == {id: [0]}


async def test_a_batch_that_holds_an_event_twice_applies_it_once(stage: Stage) -> None:
    stage.tally()
    id = some(1)[0]
    await stage.move(id)
    async with running(stage.relay().run):
        await until(lambda: published(stage, 1), "published")
    [record] = await stage.published()
    partition = Partition(stage.name, record.topic, record.partition)
    await stage.fetchval(
        "INSERT INTO consumer_offsets VALUES ($1, $2, $3, 0)", partition.consumer, partition.topic, partition.number
    )
    await work(stage.database, stage.handlers, partition, 0, [record, record], next=2)
    assert await stage.numbers() == {id: [0]}


async def test_a_batch_that_waited_while_its_partition_was_worked_elsewhere_moves_no_offset_back(stage: Stage) -> None:
    [id], taken_away = some(1), False

    async def fail(_: Any) -> None:
        held.is_ours = not taken_away
        raise ValueError("a poison event")

    stage.tally(before=fail)
    await stage.move(id)
    async with running(stage.relay().run):
        await until(lambda: published(stage, 1), "published")
    [record] = await stage.published()
    partition = Partition(stage.name, record.topic, record.partition)
    await stage.fetchval(
        "INSERT INTO consumer_offsets VALUES ($1, $2, $3, 20)", partition.consumer, partition.topic, partition.number
    )
    applying = Applying(stage.database, stage.handlers, dead_letter_limit=10)
    held = Held(partition, 20)  # it was taken away, worked up to there, and came back
    with pytest.raises(Fenced):
        await applying.apply(held, [record])
    held, taken_away = Held(partition, record.offset), True  # and here it is taken away while it is worked
    await stage.fetchval("UPDATE consumer_offsets SET next = $1", record.offset)
    with pytest.raises(Fenced):
        await applying.apply(held, [record])
    assert await stage.fetchval("SELECT next FROM consumer_offsets") == record.offset
    assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0
