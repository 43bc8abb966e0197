"""What the tests of the consumer wait for."""

from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.bus.backlog import backlog
from libs.bus.tests.stage import PARTITIONS, Stage, ends_of


async def tallied(stage: Stage, things: list[UUID], moves: int) -> bool:
    numbers = await stage.numbers()
    return all(len(numbers.get(id, [])) == moves for id in things)


async def handled_up_to_the_end(stage: Stage) -> bool:
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


async def published(stage: Stage, count: int, topic: str | None = None) -> bool:
    return len(await stage.published(topic)) >= count


async def parked(stage: Stage, count: int) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM parked_keys") == count)


async def waiting(stage: Stage, count: int) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM dead_letters WHERE status = 'waiting'") == count)
