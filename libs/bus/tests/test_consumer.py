import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.backlog import backlog
from libs.bus.batch import Fenced, Partition, work
from libs.bus.replay import NothingParked, discard, replay
from libs.bus.tests.stage import PARTITIONS, WORKER, Stage, Thing, ends_of, running, some, until
from libs.events import Event


async def test_every_event_is_handled_once_and_in_order(stage: Stage) -> None:
    stage.tally()
    things = some(30)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(5):
            await stage.move(*things)
        await until(lambda: _tallied(stage, things, 5), "all are handled")
    assert await stage.numbers() == {id: [0, 1, 2, 3, 4] for id in things}


async def _tallied(stage: Stage, things: list[UUID], moves: int) -> bool:
    numbers = await stage.numbers()
    return all(len(numbers.get(id, [])) == moves for id in things)


async def _handled_up_to_the_end(stage: Stage) -> bool:
    """The outbox is published, and the stored offsets are at the topic's end."""
    async with stage.database.pool.acquire() as connection:
        if (await backlog(connection)).unpublished_events:
            return False
    client = AIOKafkaConsumer(**stage.kafka.common(), enable_auto_commit=False)
    await client.start()
    try:
        ends = await ends_of(client, [TopicPartition(stage.topic, p) for p in range(PARTITIONS)])
    finally:
        await client.stop()
    stored = await stage.fetchval("SELECT coalesce(sum(next), 0) FROM consumer_offsets")
    return bool(stored == sum(ends.values()))


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
        await until(lambda: _handled_up_to_the_end(stage), "the offset is behind what nobody heard")
        assert await stage.numbers() == {id: [0, 1, 2, 3] for id in things}
        async with stage.database.pool.acquire() as connection:
            await connection.execute(_FORGET_ALL)
        await see(1)
        await until(lambda: _handled_up_to_the_end(stage), "it starts again from where it was put")
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
        await until(lambda: _tallied(stage, things, 10), "500 are handled")
        before = await stage.numbers()
        await stage.append_again(await stage.published())
        await until(lambda: _handled_up_to_the_end(stage), "the copies are passed")
    assert len(await stage.published()) == 1000
    assert await stage.numbers() == before == {id: list(range(10)) for id in things}


async def test_nothing_is_missed_when_the_groups_kafka_offsets_are_reset_to_latest(stage: Stage) -> None:
    stage.tally()
    things = some(20)
    async with running(stage.relay().run):
        async with running(stage.consumer().run):
            await stage.move(*things)
            await until(lambda: _tallied(stage, things, 1), "handled")
        await stage.move(*things)
        await until(lambda: _published(stage, 40), "published while nobody consumes")
        reset = AIOKafkaConsumer(**stage.kafka.common(), group_id=stage.name, enable_auto_commit=False)
        await reset.start()
        partitions = [TopicPartition(stage.topic, p) for p in range(PARTITIONS)]
        reset.assign(partitions)
        await reset.commit(await reset.end_offsets(partitions))
        await reset.stop()
        async with running(stage.consumer().run):
            await stage.move(*things)
            await until(lambda: _tallied(stage, things, 3), "what was skipped by Kafka's offsets is handled")
    assert await stage.numbers() == {id: [0, 1, 2] for id in things}


async def _published(stage: Stage, count: int) -> bool:
    return len(await stage.published()) >= count


async def test_a_poison_event_parks_its_key_the_others_go_on_and_a_replay_keeps_the_order(stage: Stage) -> None:
    poisoned, *healthy = some(10)
    broken = True

    async def fail(event: Any) -> None:
        if broken and event.thing_id == poisoned and event.n == 1:
            raise ValueError("a poison event")

    stage.tally(before=fail)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(4):
            await stage.move(poisoned, *healthy)
        await until(lambda: _tallied(stage, healthy, 4), "the other keys go on")
        await until(lambda: _handled_up_to_the_end(stage), "the offsets move on")
        assert (await stage.numbers())[poisoned] == [0]
        await until(lambda: _dead_letters_published(stage, 1), "the dead letter is on the DLQ topic")
        with pytest.raises(ValueError, match="poison"):
            await replay(stage.database, stage.handlers, stage.topic, poisoned)
        assert (await stage.numbers())[poisoned] == [0], "a replay that fails leaves all as it was"
        broken = False
        assert await replay(stage.database, stage.handlers, stage.topic, poisoned) == 3
        await stage.move(poisoned)
        await until(lambda: _tallied(stage, [poisoned], 5), "the key flows again")
    assert (await stage.numbers())[poisoned] == [0, 1, 2, 3, 4]
    with pytest.raises(NothingParked):
        await replay(stage.database, stage.handlers, stage.topic, poisoned)


async def _dead_letters_published(stage: Stage, count: int) -> bool:
    return len(await stage.published(stage.dlq)) == count


async def test_a_discarded_dead_letter_lets_the_line_behind_it_through(stage: Stage) -> None:
    id = some(1)[0]

    async def fail(event: Any) -> None:
        if event.n == 0:
            raise ValueError("never")

    stage.tally(before=fail)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(3):
            await stage.move(id)
        await until(lambda: _handled_up_to_the_end(stage), "passed")
        await until(lambda: _published(stage, 3), "published")
        await until(lambda: _waiting(stage, 2), "two wait")
        assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 2
    assert await stage.numbers() == {id: [1, 2]}


async def test_an_event_that_comes_during_a_replay_is_neither_lost_nor_overtakes(stage: Stage) -> None:
    id, broken = some(1)[0], True
    replaying, go_on = asyncio.Event(), asyncio.Event()

    async def fail(event: Any) -> None:
        if broken:
            raise ValueError("a poison event")
        if event.n == 0:
            replaying.set()
            await asyncio.wait_for(go_on.wait(), 20)

    stage.tally(before=fail)
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(id)
        await until(lambda: _parked(stage, 1), "the key is parked")
        broken = False
        replay_of_it = asyncio.ensure_future(replay(stage.database, stage.handlers, stage.topic, id))
        await asyncio.wait_for(replaying.wait(), 20)
        await stage.move(id)
        await until(lambda: _published(stage, 2), "another event of the key is there")
        await until(lambda: _somebody_waits_for_a_lock(stage), "the consumer waits for the replay to end")
        go_on.set()
        assert await replay_of_it == 1
        await until(lambda: _tallied(stage, [id], 2), "both are handled")
    assert await stage.numbers() == {id: [0, 1]}
    assert await stage.fetchval("SELECT count(*) FROM parked_keys") == 0


async def _parked(stage: Stage, count: int) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM parked_keys") == count)


async def _somebody_waits_for_a_lock(stage: Stage) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def _waiting(stage: Stage, count: int) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM dead_letters WHERE status = 'waiting'") == count)


async def test_a_discarded_event_that_is_delivered_again_is_known(stage: Stage) -> None:
    id = some(1)[0]

    async def fail(event: Any) -> None:
        if event.n == 0:
            raise ValueError("never\x00, and with a character that no text can hold")

    stage.tally(before=fail)
    consumer = stage.consumer()
    async with running(stage.relay().run, consumer.run):
        await stage.move(id)
        await stage.move(id)
        await until(lambda: _waiting(stage, 1), "one waits behind the dead letter")
        await discard(stage.database, stage.handlers, stage.topic, id)
        await stage.append_again(await stage.published())
        await stage.move(id)
        await until(lambda: _handled_up_to_the_end(stage), "all are passed")
        await until(lambda: _tallied(stage, [id], 2), "and the next one handled")
        assert await consumer.check() is None
    assert await stage.numbers() == {id: [1, 2]}


async def test_partitions_taken_away_while_batches_wait_their_turn_stop_nothing(stage: Stage) -> None:
    things = some(40)
    consumer = stage.consumer(concurrency=1)
    taken = 0

    async def take_all_away(event: Any) -> None:
        nonlocal taken
        if taken < 3:
            taken += 1
            consumer.on_partitions_revoked(list(consumer._expected))

    stage.tally(before=take_all_away)
    await stage.move(*things)
    async with running(stage.relay().run):
        await until(lambda: _published(stage, 40), "published")
        async with running(consumer.run):
            await until(lambda: _tallied(stage, things, 1), "all are handled")
    assert taken == 3


async def test_trouble_that_passes_is_tried_again_and_never_dead_lettered(stage: Stage) -> None:
    failures = Counter[int]()

    async def fail(event: Any) -> None:
        failures[event.n] += 1
        if failures[event.n] <= 3:
            raise ConnectionResetError("away for a moment")

    stage.tally(before=fail)
    id = some(1)[0]
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(id)
        await until(lambda: _tallied(stage, [id], 1), "handled in the end")
    assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_a_deployment_that_would_dead_letter_everything_stops_the_consumer(stage: Stage) -> None:
    async def fail(event: Any) -> None:
        raise TypeError("a bad deploy")

    stage.tally(before=fail)
    consumer = stage.consumer(dead_letter_limit=5)
    await stage.move(*some(40))
    async with running(stage.relay().run, consumer.run):
        await until(lambda: _halted(consumer), "the consumer says that it halted")
        assert await stage.fetchval("SELECT count(*) FROM dead_letters WHERE status = 'dead'") < 40
    stage.handlers._handlers.clear()
    stage.tally()
    async with running(stage.relay().run, stage.consumer().run):
        await until(lambda: _all_known(stage, 40), "the mended version handles or keeps all of them")


async def _halted(consumer: Any) -> bool:
    return "in a row" in str(await consumer.check())


async def _all_known(stage: Stage, count: int) -> bool:
    dead = await stage.fetchval("SELECT count(*) FROM dead_letters WHERE status = 'dead'")
    return len(await stage.numbers()) + int(dead) == count


async def test_an_old_owner_of_a_partition_is_fenced(stage: Stage) -> None:
    stage.tally()
    id = some(1)[0]
    await stage.move(id)
    async with running(stage.relay().run):
        await until(lambda: _published(stage, 1), "published")
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
        await until(lambda: _published(stage, 1), "published")
    [record] = await stage.published()
    partition = Partition(stage.name, record.topic, record.partition)
    await stage.fetchval(
        "INSERT INTO consumer_offsets VALUES ($1, $2, $3, 0)", partition.consumer, partition.topic, partition.number
    )
    await work(stage.database, stage.handlers, partition, 0, [record, record], next=2)
    assert await stage.numbers() == {id: [0]}


async def test_a_log_that_comes_again_unknown_parks_its_keys_and_everything_else_goes_on(stage: Stage) -> None:
    stage.tally()
    things, other = some(3), some(1)[0]
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(*things)
        await stage.move(*things)
        await until(lambda: _tallied(stage, things, 2), "handled")
    async with stage.database.pool.acquire() as connection:
        await connection.execute("DELETE FROM inbox; UPDATE consumer_offsets SET next = 0")
    consumer = stage.consumer()
    async with running(stage.relay().run, consumer.run):
        await until(lambda: _parked(stage, 3), "each key is parked")
        await stage.move(other)
        await until(lambda: _tallied(stage, [other], 1), "the others go on")
        assert await consumer.check() is None
    assert await stage.numbers() == {other: [0]} | {id: [0, 1] for id in things}
    assert await stage.fetchval("SELECT bool_and(out_of_order) FROM dead_letters WHERE status = 'dead'")
    for id in things:
        for handled in (0, 0):  # what waits behind it had passed too
            assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == handled
    assert await stage.fetchval("SELECT count(*) FROM parked_keys") == 0
    assert await stage.numbers() == {other: [0]} | {id: [0, 1] for id in things}


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
        await until(lambda: _published(stage, 20), "published")
        async with stage.database.pool.acquire() as other:
            lock = other.transaction()
            await lock.start()
            await other.execute("LOCK consumer_offsets IN EXCLUSIVE MODE")
            async with running(consume):
                await until(end_who_waits, "the consumer asks where its partitions stand")
                await lock.rollback()
                await until(lambda: _tallied(stage, things, 1), "all are handled")
    assert await stage.numbers() == {id: [0] for id in things}


_END_WHO_WAITS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE relation = 'consumer_offsets'::regclass AND NOT granted
"""


async def test_a_batch_that_waited_while_its_partition_was_worked_elsewhere_moves_no_offset_back(stage: Stage) -> None:
    stage.tally()
    id, consumer = some(1)[0], stage.consumer()
    await stage.move(id)
    async with running(stage.relay().run):
        await until(lambda: _published(stage, 1), "published")
    [record] = await stage.published()
    tp = TopicPartition(record.topic, record.partition)
    await stage.fetchval("INSERT INTO consumer_offsets VALUES ($1, $2, $3, 20)", stage.name, *tp)
    consumer._expected[tp] = 20  # it was taken away, worked up to there, and came back
    with pytest.raises(Fenced):
        await consumer._apply(tp, [record])
    with pytest.raises(Fenced):
        await consumer._one_by_one(tp, Partition(stage.name, *tp), [record])
    assert await stage.fetchval("SELECT next FROM consumer_offsets") == 20


async def test_a_commit_whose_answer_is_lost_holds_its_partition_up_no_longer_than_the_trouble_lasts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ThingSeen(Event, type=f"polyplus.{stage.name}.thing-seen", visibility="internal", subject="thing_id"):
        """Nobody hears this: it is passed over in memory."""

        thing_id: UUID

    stage.tally()
    id, lost, consumer = some(1)[0], 0, stage.consumer()

    async def and_the_answer_is_lost(*args: Any, **how: Any) -> None:
        nonlocal lost
        await work(*args, **how)
        lost += 1
        if lost == 1:
            consumer._passed[TopicPartition(args[2].topic, args[2].partition)] = how["next"] - 1
            raise ConnectionResetError("the answer to COMMIT is lost")

    monkeypatch.setattr("libs.bus.consumer.work", and_the_answer_is_lost)
    async with running(stage.relay().run, consumer.run):
        async with stage.database.transaction(WORKER) as tx:
            await stage.move_in(tx, id)
            tx.emit(ThingSeen(thing_id=id))
            await stage.move_in(tx, id)
        await until(lambda: _tallied(stage, [id], 2), "handled")
        await stage.move(id)
        await until(lambda: _tallied(stage, [id], 3), "and so is the next one", seconds=10)
    assert lost >= 1
    assert await stage.numbers() == {id: [0, 1, 2]}


async def test_an_outage_leaves_no_less_patience_with_rows_that_two_batches_made(stage: Stage) -> None:
    failures = Counter[int]()

    async def fail(event: Any) -> None:
        failures[event.n] += 1
        if failures[event.n] <= 5:
            raise ConnectionResetError("the database is away for a while")
        if failures[event.n] <= 7:
            raise asyncpg.UniqueViolationError("another batch made this row")

    stage.tally(before=fail)
    id = some(1)[0]
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(id)
        await until(lambda: _tallied(stage, [id], 1), "handled in the end", seconds=30)
    assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_an_event_that_clashes_for_ever_is_a_dead_letter_and_one_that_clashes_beside_it_is_not(
    stage: Stage,
) -> None:
    clashes, patience = Counter[UUID](), dict[UUID, int]()

    async def fail(event: Any) -> None:
        clashes[event.thing_id] += 1
        if clashes[event.thing_id] <= patience.get(event.thing_id, 0):
            raise asyncpg.UniqueViolationError("a row that is there")

    stage.tally(before=fail)
    async with running(stage.relay().run):
        await stage.move(*some(14))
        await until(lambda: _published(stage, 14), "published")
        most = Counter(record.partition for record in await stage.published()).most_common(1)[0][0]
        poisoned, unlucky = [record.key for record in await stage.published() if record.partition == most][:2]
        patience |= {poisoned: 1000, unlucky: 3}
        async with running(stage.consumer().run):
            await until(lambda: _tallied(stage, [unlucky], 1), "handled in the end", seconds=30)
    assert await stage.fetchval("SELECT array_agg(key) FROM dead_letters") == [poisoned]


async def test_a_row_of_a_partition_that_somebody_holds_keeps_the_others_waiting_for_nothing(stage: Stage) -> None:
    stage.tally()
    things = some(40)
    await stage.move(*things)
    async with running(stage.relay().run):
        await until(lambda: _published(stage, 40), "published")
        held, *others = {record.partition for record in await stage.published()}
        keys = {p: [r.key for r in await stage.published() if r.partition == p] for p in (held, *others)}
        await stage.fetchval("INSERT INTO consumer_offsets VALUES ($1, $2, $3, 0)", stage.name, stage.topic, held)
        async with stage.database.pool.acquire() as zombie:
            batch = zombie.transaction()
            await batch.start()
            await zombie.execute("SELECT FROM consumer_offsets FOR UPDATE")
            async with running(stage.consumer().run):
                await until(lambda: _tallied(stage, [k for p in others for k in keys[p]], 1), "the others are handled")
                assert not set(keys[held]) & (await stage.numbers()).keys()
                await batch.rollback()
                await until(lambda: _tallied(stage, things, 1), "and so is this one")
    assert await stage.numbers() == {id: [0] for id in things}


async def test_members_that_come_and_go_handle_each_event_once(stage: Stage) -> None:
    stage.tally()
    things, stop = some(40), asyncio.Event()

    async def keep_moving() -> None:
        for _ in range(15):
            await stage.move(*things)

    async def come_and_go() -> None:
        for _ in range(4):
            async with running(stage.consumer().run):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.7)

    async with running(stage.relay().run, stage.consumer().run):
        await asyncio.gather(keep_moving(), come_and_go())
        await until(lambda: _tallied(stage, things, 15), "all are handled", seconds=40)
    assert await stage.numbers() == {id: list(range(15)) for id in things}
