"""A poison event parks its key and nobody else's, and an operator brings the key back in its order."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.bus.replay import NothingParked, discard, replay
from libs.bus.tests.facts import handled_up_to_the_end, parked, published, tallied, waiting
from libs.bus.tests.stage import Stage, running, some, until


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
        await until(lambda: tallied(stage, healthy, 4), "the other keys go on")
        await until(lambda: handled_up_to_the_end(stage), "the offsets move on")
        assert (await stage.numbers())[poisoned] == [0]
        await until(lambda: published(stage, 1, stage.dlq), "the dead letter is on the DLQ topic")
        with pytest.raises(ValueError, match="poison"):
            await replay(stage.database, stage.handlers, stage.topic, poisoned)
        assert (await stage.numbers())[poisoned] == [0], "a replay that fails leaves all as it was"
        broken = False
        assert await replay(stage.database, stage.handlers, stage.topic, poisoned) == 3
        await stage.move(poisoned)
        await until(lambda: tallied(stage, [poisoned], 5), "the key flows again")
    assert (await stage.numbers())[poisoned] == [0, 1, 2, 3, 4]
    with pytest.raises(NothingParked):
        await replay(stage.database, stage.handlers, stage.topic, poisoned)


async def test_a_discarded_dead_letter_lets_the_line_behind_it_through(stage: Stage) -> None:
    id = some(1)[0]

    async def fail(event: Any) -> None:
        if event.n == 0:
            raise ValueError("never")

    stage.tally(before=fail)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(3):
            await stage.move(id)
        await until(lambda: handled_up_to_the_end(stage), "passed")
        await until(lambda: published(stage, 3), "published")
        await until(lambda: waiting(stage, 2), "two wait")
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
        await until(lambda: parked(stage, 1), "the key is parked")
        broken = False
        replay_of_it = asyncio.ensure_future(replay(stage.database, stage.handlers, stage.topic, id))
        await asyncio.wait_for(replaying.wait(), 20)
        await stage.move(id)
        await until(lambda: published(stage, 2), "another event of the key is there")
        await until(lambda: somebody_waits_for_a_lock(stage), "the consumer waits for the replay to end")
        go_on.set()
        assert await replay_of_it == 1
        await until(lambda: tallied(stage, [id], 2), "both are handled")
    assert await stage.numbers() == {id: [0, 1]}
    assert await stage.fetchval("SELECT count(*) FROM parked_keys") == 0


async def somebody_waits_for_a_lock(stage: Stage) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


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
        await until(lambda: waiting(stage, 1), "one waits behind the dead letter")
        await discard(stage.database, stage.handlers, stage.topic, id)
        await stage.append_again(await stage.published())
        await stage.move(id)
        await until(lambda: handled_up_to_the_end(stage), "all are passed")
        await until(lambda: tallied(stage, [id], 2), "and the next one handled")
        assert await consumer.check() is None
    assert await stage.numbers() == {id: [1, 2]}


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


async def test_a_log_that_comes_again_unknown_parks_its_keys_and_everything_else_goes_on(stage: Stage) -> None:
    stage.tally()
    things, other = some(3), some(1)[0]
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(*things)
        await stage.move(*things)
        await until(lambda: tallied(stage, things, 2), "handled")
    async with stage.database.pool.acquire() as connection:
        await connection.execute("DELETE FROM inbox; UPDATE consumer_offsets SET next = 0")
    consumer = stage.consumer()
    async with running(stage.relay().run, consumer.run):
        await until(lambda: parked(stage, 3), "each key is parked")
        await stage.move(other)
        await until(lambda: tallied(stage, [other], 1), "the others go on")
        assert await consumer.check() is None
    assert await stage.numbers() == {other: [0]} | {id: [0, 1] for id in things}
    assert await stage.fetchval("SELECT bool_and(out_of_order) FROM dead_letters WHERE status = 'dead'")
    for id in things:
        for handled in (0, 0):  # what waits behind it had passed too
            assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == handled
    assert await stage.fetchval("SELECT count(*) FROM parked_keys") == 0
    assert await stage.numbers() == {other: [0]} | {id: [0, 1] for id in things}


async def test_an_event_that_clashes_for_ever_is_a_dead_letter_and_one_that_clashes_beside_it_is_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.bus.consumer._LONGEST_PAUSE", 0.2)
    clashes, patience = Counter[UUID](), dict[UUID, int]()

    async def fail(event: Any) -> None:
        clashes[event.thing_id] += 1
        if clashes[event.thing_id] <= patience.get(event.thing_id, 0):
            raise asyncpg.UniqueViolationError("a row that is there")

    stage.tally(before=fail)
    async with running(stage.relay().run):
        await stage.move(*some(14))
        await until(lambda: published(stage, 14), "published")
        most = Counter(record.partition for record in await stage.published()).most_common(1)[0][0]
        poisoned, unlucky = [record.key for record in await stage.published() if record.partition == most][:2]
        patience |= {poisoned: 1000, unlucky: 3}
        async with running(stage.consumer().run):
            await until(lambda: tallied(stage, [unlucky], 1), "handled in the end", seconds=30)
    assert await stage.fetchval("SELECT array_agg(key) FROM dead_letters") == [poisoned]
