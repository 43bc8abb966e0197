"""What a member does with a batch: all of it at once, or one by one when something is wrong with it, until the poison event is found."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from libs.bus.batch import CLASHES, Fenced, Partition, bury, is_transient, work
from libs.bus.envelope import Delivery
from libs.bus.handlers import Handlers
from libs.bus.metrics import events_handled
from libs.events import UnknownEvent
from libs.store import Database
from libs.store.reasons import reason

_NO_ONES_FAULT = (Fenced, UnknownEvent)
"""What says nothing of the one event: it is never a dead letter for it."""


class Halted(Exception):
    """The consumer must not go on; an operator has to look."""


@dataclass
class Held:
    """A partition that this member works. `next` is its stored offset."""

    partition: Partition
    next: int
    is_ours: bool = True
    """False once it was taken away, whatever of it is still under way."""
    passed: int | None = None
    """How far was passed over in memory, beyond `next`."""
    hinted: int | None = None
    """The offset that Kafka was told last."""
    gap: tuple[int, int] | None = None
    """The position, and the offset that was found there instead, once."""
    attempts: int = 0
    """Times in a row that trouble was to pass."""
    clashes: int = 0
    """Of them, those at last that were a unique violation."""
    rests_until: float | None = None
    progressed_at: float | None = None

    @property
    def position(self) -> int:
        """The next offset to be looked at."""
        return self.next if self.passed is None else self.passed

    def move(self, next: int) -> None:
        self.next, self.passed = next, None


class Applying:
    """Applies batches of partitions that are held."""

    def __init__(self, database: Database, handlers: Handlers, *, dead_letter_limit: int) -> None:
        self._database, self._handlers, self._limit = database, handlers, dead_letter_limit
        self._parked_in_a_row: set[object] = set()

    async def apply(self, held: Held, batch: Sequence[Delivery]) -> None:
        """Raises Fenced, Halted, UnknownEvent, or trouble that passes: then it is to be tried again."""
        if not held.is_ours or batch[0].offset < held.next:
            raise Fenced(f"{held.partition}: taken away while it waited for its turn")
        next = batch[-1].offset + 1
        try:
            applied = await work(self._database, self._handlers, held.partition, held.next, batch, next=next)
        except Exception as error:
            # Two batches that lock the same rows, each in its own order, would meet again: events by themselves hold few.
            alone = isinstance(error, asyncpg.DeadlockDetectedError) and len(batch) > 1
            if not alone and (isinstance(error, _NO_ONES_FAULT) or is_transient(error, held.clashes)):
                raise
            await self._one_by_one(held, batch)
        else:
            held.move(next)
            events_handled.inc(len(batch))
            if applied:
                self._parked_in_a_row.clear()

    async def _one_by_one(self, held: Held, batch: Sequence[Delivery]) -> None:
        """Finds the poison event among them, if there is one, and parks its key."""
        for one in batch:
            if not held.is_ours:
                raise Fenced(f"{held.partition}: taken away meanwhile")
            try:
                if await self._work_one(held, one):
                    self._parked_in_a_row.clear()
            except Exception as error:
                if isinstance(error, _NO_ONES_FAULT) or is_transient(error, CLASHES):
                    raise
                await self._bury(held, one, error)
            held.move(one.offset + 1)
            events_handled.inc()

    async def _bury(self, held: Held, one: Delivery, error: Exception) -> None:
        await bury(self._database, held.partition, held.next, one, error)
        self._parked_in_a_row.add((one.topic, one.key))
        if len(self._parked_in_a_row) >= self._limit:
            why = f"{self._limit} keys in a row were parked, the last for {reason(error)}"
            raise Halted(f"{why}; is the deployed version at fault, or the log?") from error

    async def _work_one(self, held: Held, one: Delivery) -> int:
        """Two transactions that made the same row settle here: nothing is a dead letter for somebody else's batch."""
        clashes = 0
        while True:
            try:
                return await work(self._database, self._handlers, held.partition, held.next, [one], next=one.offset + 1)
            except asyncpg.UniqueViolationError as error:
                if not is_transient(error, clashes):
                    raise
                clashes += 1
