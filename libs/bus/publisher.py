"""Outbox rows as Kafka's records: batches for each partition, in order; states before facts, in a transaction of a fenced producer."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from libs.bus.envelope import beat_record, record_headers
from libs.bus.spans import end_with, page_span

COLUMNS = """
id, topic, key::text, data, event_id::text, type, subject::text, account_id::text, version::text, causation_id::text, actor,
traceparent, trim('"' FROM to_json(time AT TIME ZONE 'UTC')::text) || 'Z' AS time, headers
"""
"""What `Publisher.send` takes of each row, in this order, after the snapshot in which it was read."""
BATCH_BYTES = 512 * 1024
_YIELD_EVERY = 25
"""Rows: the next page is read, and the last one written, while this one is built."""


class Publisher:
    """Rows into batches, one for each partition, in order; state topics in a transaction of a fenced producer."""

    def __init__(
        self, producer: AIOKafkaProducer, states: AIOKafkaProducer | None, state_topics: frozenset[str]
    ) -> None:
        self._producer, self._states, self._state_topics = producer, states, state_topics
        self._counts: dict[str, int] = {}

    async def send(self, rows: Sequence[asyncpg.Record]) -> list["asyncio.Future[Any]"]:
        """Hands the rows over; the futures are done when all replicas have them."""
        for topic in {row["topic"] for row in rows} - self._counts.keys():
            self._counts[topic] = len(await self._producer.partitions_for(topic))
        span = page_span(rows)
        states = [row for row in rows if row["topic"] in self._state_topics]
        facts = [row for row in rows if row["topic"] not in self._state_topics] if states else rows
        # First: who hears a fact and reads the topic to its end has the state that it names.
        if states and self._states:
            async with self._states.transaction():
                await asyncio.gather(*await self._hand_over(self._states, states))
        futures = await self._hand_over(self._producer, facts)
        end_with(span, futures)
        return futures

    async def beat(self) -> None:
        """A record in each partition of the state topics, by the plain producer, which leaves no marker: Kafka compacts what is
        before the newest append only, and a topic at rest would keep what was erased for ever."""
        for topic in self._state_topics:
            for partition in await self._producer.partitions_for(topic):
                await self._producer.send_and_wait(topic, **beat_record(topic), partition=partition)

    async def _hand_over(
        self, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]
    ) -> list["asyncio.Future[Any]"]:
        futures, open = [], dict[tuple[str, int], BatchBuilder]()
        for n, (_, _, topic, key, data, *about) in enumerate(rows):
            to = topic, _hash(key) % self._counts[topic]
            batch = open.get(to) or open.setdefault(to, producer.create_batch())
            record = {"key": key.encode(), "value": data, "headers": record_headers(*about), "timestamp": None}
            if batch.append(**record) is None:  # full
                futures.append(await producer.send_batch(batch, topic, partition=to[1]))
                open[to] = batch = producer.create_batch()
                batch.append(**record)
            if n % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        for (topic, partition), batch in open.items():
            batch.close()
            futures.append(await producer.send_batch(batch, topic, partition=partition))
        return futures


@lru_cache(maxsize=16_384)
def _hash(key: str) -> int:
    """As every Kafka client's default partitioner has it; in Python it costs more than all the rest of a record."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF)
