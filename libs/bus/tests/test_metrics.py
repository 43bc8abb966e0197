from datetime import UTC, datetime, timedelta
from uuid import uuid4

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from libs.bus.backlog import Backlog, backlog
from libs.bus.dead_letters import park, wait_in_line
from libs.bus.envelope import Delivery
from libs.bus.metrics import show_backlog, show_lag
from libs.bus.tests.stage import WORKER, Stage, Thing, running, some, until
from libs.store.ids import new_id


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"polyplus_{name}", labels)


async def now(stage: Stage) -> Backlog:
    async with stage.database.pool.acquire() as connection:
        return await backlog(connection)


def a_delivery(stage: Stage, offset: int) -> Delivery:
    key = some(1)[0]
    return Delivery(
        topic=stage.topic,
        partition=0,
        offset=offset,
        key=key,
        event_id=new_id(),
        type=f"polyplus.{stage.name}.thing-moved.v1",
        subject=key,
        version=1,
        time=datetime.now(UTC),
        actor="test",
        account_id=None,
        causation_id=None,
        traceparent=None,
        data=b"{}",
    )


async def test_the_backlog_is_what_waits_and_nothing_else(stage: Stage) -> None:
    assert await now(stage) == Backlog(0, 0.0, 0, 0, 0, 0, 0.0, 0, 0, 0, 0, 0, 0.0, 0.0)
    async with stage.database.transaction(WORKER) as tx:
        thing = tx.add(Thing(id=uuid4()))
        tx.set_timer(thing, "ring", tx.now - timedelta(hours=1))
        tx.set_timer(thing, "later", tx.now + timedelta(hours=1))
        tx.start_job(thing, "call", destination="there")
        tx.start_job(thing, "call_again", destination="there")
    async with stage.database.pool.acquire() as connection:
        await connection.execute("UPDATE jobs SET last_error = 'no answer' WHERE kind = 'call_again'")
    async with stage.database.transaction(WORKER) as tx:
        await park(tx, stage.name, a_delivery(stage, 1), ValueError("poison"))
        await wait_in_line(tx, stage.name, [a_delivery(stage, 2), a_delivery(stage, 3)])
    await stage.move(*some(2))

    found = await now(stage)

    assert (found.dead_letters, found.waiting_events, found.parked_keys) == (1, 2, 1)
    assert (found.jobs_waiting, found.jobs_failing, found.timers_due) == (2, 1, 1)
    assert 3600 <= found.timers_late_seconds < 3700
    assert found.unpublished_events == 3  # two moves, and the dead letter's own record
    show_backlog(found)
    assert value("relay_unpublished_events") == 3
    assert value("parked_keys") == 1


async def test_of_a_window_that_is_half_published_the_rest_is_the_backlog(stage: Stage) -> None:
    await stage.move(*some(3))
    async with stage.database.pool.acquire() as connection:
        _, second, _ = await connection.fetch("SELECT id FROM outbox ORDER BY id")
        await connection.execute("UPDATE relay_position SET cur = pg_current_snapshot(), last_id = $1", second["id"])
    await stage.move(*some(2))
    assert (await now(stage)).unpublished_events == 3


async def test_what_is_published_and_worked_is_counted_and_leaves_the_backlog(stage: Stage) -> None:
    stage.tally()
    things = some(3)
    published, handled = value("relay_published_events_total") or 0, value("consumer_events_total") or 0
    await stage.move(*things)
    await stage.move(*things)
    assert (await now(stage)).unpublished_events == 6

    async def done() -> bool:
        return await stage.numbers() == {key: [0, 1] for key in things}

    async with running(stage.relay().run, stage.consumer().run):
        await until(done, "all moves are tallied")
    assert (await now(stage)).unpublished_events == 0
    assert (await now(stage)).oldest_unpublished_seconds == 0
    assert (value("relay_published_events_total") or 0) - published == 6
    assert (value("consumer_events_total") or 0) - handled == 6


def test_lag_is_told_of_the_partitions_a_member_holds_and_of_no_other() -> None:
    first, second = TopicPartition("lag.events", 0), TopicPartition("lag.events", 1)
    show_lag({first: 10, second: 7}, {first: 4, second: 7})
    assert value("consumer_lag_events", topic="lag.events", partition="0") == 6
    assert value("consumer_lag_events", topic="lag.events", partition="1") == 0
    show_lag({second: 7}, {second: 9})
    assert value("consumer_lag_events", topic="lag.events", partition="0") is None
    assert value("consumer_lag_events", topic="lag.events", partition="1") == 0
