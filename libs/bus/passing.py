"""What nobody here hears is passed over in memory; how far, is stored when it is silent for a moment, and after a second at the latest."""

import asyncio
from collections.abc import Mapping

import structlog
from aiokafka import TopicPartition

from libs.bus.applying import Held
from libs.bus.batch import is_transient
from libs.store import Database
from libs.store.reasons import reason

log = structlog.get_logger()
_SILENT_SECONDS = 0.05
_LATEST_SECONDS = 1.0
_STORE = """
UPDATE consumer_offsets AS o SET next = passed.upto
  FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS passed(topic, partition, expected, upto)
 WHERE (o.consumer, o.topic, o.partition, o.next) = ($1, passed.topic, passed.partition, passed.expected)
RETURNING o.topic, o.partition
"""


class Passing:
    """`due`: when to store next, by the event loop's clock; None while there is nothing to be stored."""

    def __init__(self, database: Database, consumer: str) -> None:
        self._database, self._consumer = database, consumer
        self.due: float | None = None
        self._latest = 0.0

    def pass_over(self, held: Held, upto: int) -> None:
        held.passed = upto
        now = asyncio.get_running_loop().time()
        if self.due is None:
            self._latest = now + _LATEST_SECONDS
        self.due = max(self.due or 0.0, min(now + _SILENT_SECONDS, self._latest))

    def to_store(self, held: Held, *, busy: bool) -> bool:
        """Whether to store it now. A batch may take it along: then it is looked at again."""
        if held.passed is not None and busy:
            self.due = asyncio.get_running_loop().time() + _SILENT_SECONDS
        return held.passed is not None and not busy

    async def store(self, partitions: Mapping[TopicPartition, Held]) -> list[TopicPartition]:
        """Those whose stored offset was not the expected one; all of them are done, unless there is trouble that passes."""
        moves = [(tp, held, held.next, held.position) for tp, held in partitions.items()]
        columns = zip(*((tp.topic, tp.partition, next, upto) for tp, _, next, upto in moves), strict=True)
        try:
            async with self._database.pool.acquire() as connection:
                rows = await connection.fetch(_STORE, self._consumer, *columns)
        except Exception as error:
            if not is_transient(error, 0):
                raise
            log.warning("what was passed over is not stored yet", error=reason(error))
            self.due = asyncio.get_running_loop().time() + _LATEST_SECONDS
            return []
        stored = {TopicPartition(row["topic"], row["partition"]) for row in rows}
        for tp, held, _, upto in moves:
            if tp in stored and held.passed == upto:
                held.move(upto)
        return [tp for tp in partitions if tp not in stored]
