"""A service's topics as a log: any stretch of them, read again by nobody's consumer group."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.bus.envelope import Delivery, delivery
from libs.bus.kafka import Kafka, close
from libs.store.reasons import reason

Offsets = Mapping[tuple[str, int], int]
"""By topic and partition."""


class LogUnavailable(Exception):
    """Kafka does not answer, or does not have all of the records that were asked for."""


class Log(Protocol):
    """Where a rebuild reads."""

    def read(self, start: Offsets, end: Offsets) -> AsyncIterator[list[Delivery]]:
        """The records from `start` (0 where it names none) up to `end`, each partition's in order. Raises LogUnavailable."""


class KafkaLog:
    """`async with KafkaLog(kafka) as log:`"""

    def __init__(self, kafka: Kafka, *, batch: int = 1000) -> None:
        self._client = AIOKafkaConsumer(
            **kafka.common(),
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=2 * 1024 * 1024,
        )
        self._batch, self._bootstrap = batch, kafka.bootstrap

    async def __aenter__(self) -> Self:
        try:
            await self._client.start()
        except KafkaError as error:
            await close(self._client)
            raise LogUnavailable(f"Kafka at {self._bootstrap} does not answer: {reason(error)}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await close(self._client)

    async def read(self, start: Offsets, end: Offsets) -> AsyncIterator[list[Delivery]]:
        ends = {TopicPartition(*at): until for at, until in end.items() if start.get(at, 0) < until}
        if not ends:
            return
        await self._seek({tp: start.get((tp.topic, tp.partition), 0) for tp in ends}, ends)
        while ends:
            fetched = await self._client.getmany(*ends, timeout_ms=500, max_records=self._batch)
            for tp, records in fetched.items():
                wanted = [r for r in records if r.offset < ends[tp]]
                if wanted:
                    yield [delivery(tp.topic, tp.partition, r.offset, r.key, r.headers, r.value) for r in wanted]
            for tp in list(ends):
                if await self._client.position(tp) >= ends[tp]:
                    del ends[tp]

    async def _seek(self, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        self._client.assign(list(starts))
        for tp, start in starts.items():
            self._client.seek(tp, start)  # at once: a client left without a position asks Kafka for one
        try:
            first, last = (
                await self._client.beginning_offsets(list(starts)),
                await self._client.end_offsets(list(starts)),
            )
        except KafkaError as error:
            raise LogUnavailable(
                f"Kafka does not tell the extent of {sorted({tp.topic for tp in starts})}: {reason(error)}"
            ) from error
        for tp, start in starts.items():
            if first[tp] > start or last[tp] < ends[tp]:
                raise LogUnavailable(
                    f"{tp.topic}/{tp.partition} holds {first[tp]} to {last[tp]}, and {start} to {ends[tp]} were consumed"
                )
