import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from random import Random

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from libs.bus.backlog import backlog
from libs.bus.publisher import Publisher
from libs.bus.relay import LostLeadership, Position
from libs.bus.tests.stage import WORKER, Stage, Thing, running, some, until
from libs.store import EmitRefused


async def test_a_row_that_commits_after_a_later_id_is_published_too(stage: Stage) -> None:
    early, late = some(2)
    async with running(stage.relay().run):
        async with stage.database.transaction(WORKER) as slow:
            await stage.move_in(slow, early)
            await slow.flush()  # its outbox id is taken, its commit is not done
            await stage.move(late)
            await until(lambda: _published(stage, 1), "the later id is published while the writer is held open")
            assert list(await stage.published_numbers()) == [late]
        await until(lambda: _published(stage, 2), "the held one follows")
    assert await stage.published_numbers() == {early: [0], late: [0]}


async def _published(stage: Stage, count: int) -> bool:
    return len(await stage.published()) >= count


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_committed_event_is_published_in_order_whatever_the_interleaving(stage: Stage, seed: int) -> None:
    random, things, expected = Random(seed), some(8), Counter[object]()

    async def writer(n: int) -> None:
        for _ in range(25):
            chosen = sorted(random.sample(things, random.randint(1, 3)))
            try:
                async with stage.database.transaction(WORKER) as tx:
                    for id in chosen:
                        await stage.move_in(tx, id)
                    if random.random() < 0.5:
                        await tx.flush()
                        await asyncio.wait_for(stage.fetchval("SELECT pg_sleep($1)", random.random() / 50), 5)
                    if random.random() < 0.2:
                        await tx.connection.execute("SELECT 1 / 0")
            except (asyncpg.DivisionByZeroError, asyncpg.UniqueViolationError):
                continue
            expected.update(chosen)

    async with running(stage.relay(page=7, in_flight=2).run):
        await asyncio.gather(*(writer(n) for n in range(6)))
        total = sum(expected.values())
        await until(lambda: _published(stage, total), f"{total} events are published")
    assert await stage.published_numbers() == {id: list(range(count)) for id, count in expected.items()}


async def test_a_relay_that_was_paused_and_resumed_loses_nothing_and_moves_nothing(stage: Stage) -> None:
    things = some(20)
    first, second = stage.relay(page=5), stage.relay(page=5)
    await stage.move(*things)
    stop = asyncio.Event()
    zombie = asyncio.ensure_future(first.run(stop))
    await until(lambda: _published(stage, 20), "the first relay leads")
    # what a pause looks like to the database: its session ends while the process still believes that it leads
    await stage.move(*things)
    await stage.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with running(second.run):
        await stage.move(*things)
        await until(lambda: _has(stage, things, 3), "the second relay took over")
        await asyncio.wait([zombie], timeout=10)
        assert zombie.done(), "the first relay believes that it still leads"
        assert zombie.exception() is not None
    assert await stage.published_numbers() == {id: [0, 1, 2] for id in things}


async def _has(stage: Stage, things: Sequence[object], moves: int) -> bool:
    numbers = await stage.published_numbers()
    return all(len(numbers.get(id, [])) >= moves for id in things)  # type: ignore[call-overload]


async def test_a_relay_of_an_older_epoch_cannot_move_the_position(stage: Stage) -> None:
    relay = stage.relay()
    connection = await asyncpg.connect(stage.url)
    try:
        await stage.move(*some(3))
        async with running(relay.run):
            await until(lambda: _published(stage, 3), "published")
        await connection.execute("UPDATE relay_position SET epoch = epoch + 1")
        row = await connection.fetchrow("SELECT prev::text, cur::text, last_id FROM relay_position")
        assert row is not None
        at = Position(**dict(row))
        with pytest.raises(LostLeadership):
            await relay._move(connection, at, Position(at.cur, at.cur, 0))
    finally:
        await connection.close()


async def test_a_page_is_sent_again_when_the_relay_dies_between_acknowledgement_and_position(stage: Stage) -> None:
    things = some(10)
    await stage.move(*things)
    async with running(stage.relay().run):
        await until(lambda: _published(stage, 10), "published once")
    await stage.fetchval(
        "UPDATE relay_position SET prev = '3:3:', cur = '3:3:', last_id = 0"
    )  # as if it had died before the position moved
    async with running(stage.relay().run):
        await until(lambda: _published(stage, 20), "published again")
    assert await stage.published_numbers() == {id: [0] for id in things}


@pytest.mark.parametrize("page", [3, 100])
async def test_the_position_never_passes_what_kafka_has_not_acknowledged(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    things, sending = some(10), asyncio.Event()
    await stage.move(*things)

    async def handed_over_but_never_acknowledged(*_: object) -> list[asyncio.Future[None]]:
        sending.set()
        return [asyncio.get_running_loop().create_future()]

    with monkeypatch.context() as broken:
        broken.setattr(Publisher, "send", handed_over_but_never_acknowledged)
        relay = asyncio.ensure_future(stage.relay(page=page).run(asyncio.Event()))
        await asyncio.wait_for(sending.wait(), 20)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(relay), 0.3)
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
    async with running(stage.relay().run):
        await until(lambda: _published(stage, 10), "the next relay sends all of them")
    assert await stage.published_numbers() == {id: [0] for id in things}


async def test_a_leader_that_stood_still_while_it_connected_sends_nothing_of_an_old_window(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    things, start, connecting, go_on = some(12), AIOKafkaProducer.start, asyncio.Event(), asyncio.Event()
    await stage.move(*things)
    with monkeypatch.context() as broken:
        send = Publisher.send

        async def once(publisher: Publisher, rows: Sequence[asyncpg.Record]) -> list[asyncio.Future[object]]:
            if rows[0]["id"] > 5:
                raise ConnectionResetError("the first leader dies within the window")
            return await send(publisher, rows)

        broken.setattr(Publisher, "send", once)
        with pytest.raises(ConnectionResetError):
            await stage.relay(page=5).run(asyncio.Event())

    async def slowly(producer: AIOKafkaProducer) -> None:
        monkeypatch.setattr(AIOKafkaProducer, "start", start)
        connecting.set()
        await asyncio.wait_for(go_on.wait(), 20)
        await start(producer)

    monkeypatch.setattr(AIOKafkaProducer, "start", slowly)
    zombie = asyncio.ensure_future(stage.relay(page=5).run(asyncio.Event()))
    await asyncio.wait_for(connecting.wait(), 20)
    await stage.fetchval("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    async with running(stage.relay(page=5).run):
        await until(lambda: _has(stage, things, 1), "the next leader sends the rest")
        await until(lambda: _all_is_acknowledged(stage), "and knows it")
        before = len(await stage.published())
        go_on.set()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await zombie
        assert len(await stage.published()) == before


async def _all_is_acknowledged(stage: Stage) -> bool:
    async with stage.database.pool.acquire() as connection:
        return not (await backlog(connection)).unpublished_events


async def test_a_leader_that_waits_for_kafka_is_not_silent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    things, send, go_on = some(10), Publisher.send, asyncio.Event()
    loop = asyncio.get_running_loop()
    long_enough = loop.time() + 60

    async def slowly(publisher: Publisher, rows: Sequence[asyncpg.Record]) -> list[asyncio.Future[object]]:
        nonlocal long_enough
        sent, long_enough = await send(publisher, rows), loop.time() + 6
        return [asyncio.ensure_future(go_on.wait()), *sent]

    async def is_past() -> bool:
        return loop.time() > long_enough

    monkeypatch.setattr(Publisher, "send", slowly)
    await stage.move(*things)
    async with running(stage.relay(silence_seconds=4).run):
        await until(is_past, "Kafka has taken longer than the session may be silent")
        go_on.set()
        await stage.move(*things)
        await until(lambda: _published(stage, 20), "it still leads")
    assert len(await stage.published()) == 20, "nothing was sent again"


async def test_published_partitions_are_dropped_and_unpublished_ones_are_kept(stage: Stage) -> None:
    owner = await asyncpg.connect(stage.owner_url)
    try:
        await owner.execute("DROP TABLE outbox_1000000; SELECT outbox_add_partitions(100)")
        id = some(1)[0]
        for _ in range(3):
            await stage.move(*[id] * 60)
            await owner.execute("SELECT outbox_add_partitions(100)")
        assert await owner.fetchval("SELECT outbox_drop_published()") == 0
        async with running(stage.relay().run):
            await until(lambda: _published(stage, 180), "all are published")
            await stage.move(id)
            await until(lambda: _published(stage, 181), "and one more")
        async with stage.database.transaction(WORKER) as held:
            await stage.move_in(held, id)
            await held.flush()
            assert await owner.fetchval("SELECT outbox_drop_published()") == 0, "a writer is never stopped for it"
        assert await owner.fetchval("SELECT outbox_drop_published()") == 1
        assert await owner.fetchval("SELECT to_regclass('outbox_100')") is None
        assert await owner.fetchval("SELECT count(*) FROM outbox") == 83
        assert await owner.fetchval("SELECT outbox_drop_published()") == 0, "the newest is not published yet"
    finally:
        await owner.close()


async def test_an_event_needs_its_aggregate_locked_or_new(stage: Stage) -> None:
    id = some(1)[0]
    await stage.move(id)
    async with stage.database.transaction(WORKER) as tx:
        with pytest.raises(EmitRefused, match="locked or new"):
            tx.emit(stage.ThingMoved(thing_id=id, n=1))
        await Thing.get(id, tx)
        with pytest.raises(EmitRefused, match="locked or new"):
            tx.emit(stage.ThingMoved(thing_id=id, n=1))
        await Thing.get(id, tx, lock=True)
        tx.emit(stage.ThingMoved(thing_id=id, n=1))
