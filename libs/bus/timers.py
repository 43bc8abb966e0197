"""Timers: durable, claimed with their aggregates, fired once, never early, never after a cancel."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from structlog.contextvars import bound_contextvars

from libs.bus.batch import CLASHES, is_transient
from libs.bus.metrics import timers_fired
from libs.bus.spans import timer_span
from libs.bus.waiting import within, woken_at
from libs.store import Database, Entity, Scope, Transaction

log = structlog.get_logger()
Fire = Callable[[Any, Transaction, str], Awaitable[None]]
CLAIM = 500
BACKLOG = CLAIM // 2
"""So many at once, and there will be more."""
_TROUBLE_SECONDS = 0.25
_HELD_SECONDS = 0.01
"""Somebody has locked the aggregate of a timer that is due, for as long as a command takes."""
Share = tuple[int, int]
"""The k-th of n parts of all aggregates."""
WHOLE: Share = (0, 1)
HALVES: tuple[Share, ...] = ((0, 2), (1, 2))
_DUE = """
SELECT aggregate, aggregate_id FROM timers
 WHERE due_at <= $1 AND aggregate_id <> ALL($3::uuid[]) AND aggregate = ANY($4::text[])
   AND CASE get_byte(uuid_send(aggregate_id), 15) % $6 WHEN $5 THEN true ELSE false END  -- "=" would be thought to hold of few
 ORDER BY due_at LIMIT $2
"""
_TAKE = """
DELETE FROM timers WHERE aggregate = $1 AND aggregate_id = ANY($2::uuid[]) AND due_at <= $3
RETURNING aggregate_id, kind, due_at, generation
"""
_DROP_ORPHANS = """
DELETE FROM timers t WHERE aggregate = $1 AND aggregate_id = ANY($2::uuid[])
   AND NOT EXISTS (SELECT FROM "{table}" WHERE id = t.aggregate_id)
"""


class Timers:
    """The timer handlers of a service.

    `timers = Timers("rma")`, then `timers(Rma, "return_overdue")(mark_overdue)`; a handler is `async def mark_overdue(rma, tx, detail)`,
    where a timer set as `"threshold:75"` fires the handler of `"threshold"` with detail `"75"`.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._handlers: dict[tuple[str, str], Fire] = {}
        self._entities: dict[str, type[Entity]] = {}

    def __call__(self, cls: type[Entity], kind: str) -> Callable[[Fire], Fire]:
        def register(fire: Fire) -> Fire:
            self._handlers[cls.__name__, kind] = fire
            self._entities[cls.__name__] = cls
            return fire

        return register

    def __bool__(self) -> bool:
        return bool(self._handlers)

    async def fire_due(
        self, database: Database, *, avoid: frozenset[UUID] = frozenset(), limit: int = CLAIM, share: Share = WHOLE
    ) -> int:
        """Fires what is due by the database's clock, at most `limit` in one transaction; how many.

        The due aggregates are locked first, then their timers: commands lock in that order too, the other one deadlocks.
        An error names its aggregate (`aggregate_id`) as far as it is known.
        """
        due: list[asyncpg.Record] = []
        try:
            async with database.transaction(Scope.system(self.service)) as tx:
                due = await tx.connection.fetch(_DUE, tx.now, limit, list(avoid), list(self._entities), *share)
                names = sorted({row["aggregate"] for row in due})
                return sum(
                    [
                        await self._fire_all(n, {r["aggregate_id"] for r in due if r["aggregate"] == n}, tx)
                        for n in names
                    ]
                )
        except Exception as error:
            if len(due) == 1:
                error.__dict__.setdefault("aggregate_id", due[0]["aggregate_id"])
            raise

    async def _fire_all(self, name: str, ids: set[UUID], tx: Transaction) -> int:
        cls = self._entities[name]
        aggregates = {e.id: e for e in await tx.lock_available(cls, sorted(ids))}
        if missing := ids - aggregates.keys():  # locked by somebody, or no more
            await tx.connection.execute(_DROP_ORPHANS.format(table=cls.table.name), name, list(missing))
        fired = 0
        taken = await tx.connection.fetch(_TAKE, name, list(aggregates), tx.now)
        for timer in sorted(taken, key=lambda t: (t["due_at"], t["generation"])):
            # one that fired before in this transaction may have cancelled or moved it
            if (timer["aggregate_id"], timer["kind"]) not in tx.pending.touched_timers:
                await self._fire(name, aggregates[timer["aggregate_id"]], timer, tx)
                fired += 1
        return fired

    async def _fire(self, name: str, aggregate: Entity, timer: asyncpg.Record, tx: Transaction) -> None:
        kind, _, detail = timer["kind"].partition(":")
        try:
            with (
                bound_contextvars(timer=f"{name}.{timer['kind']}", aggregate_id=str(aggregate.id)),
                timer_span(name, aggregate.id, timer["kind"], tx),
            ):
                await self._handlers[name, kind](aggregate, tx, detail)
        except Exception as error:
            error.add_note(f"timer {timer['kind']} of {name} {aggregate.id}")
            error.__dict__["aggregate_id"] = aggregate.id
            raise


async def next_due(database: Database) -> tuple[datetime | None, float]:
    """When the next timer is due, and in how many seconds by the database's clock."""
    async with database.pool.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT min(due_at) AS at, coalesce(extract(epoch FROM min(due_at) - app_now()), 3600)::float8 AS seconds FROM timers"
        )
    assert row is not None
    return row["at"], row["seconds"]


class TimerLoop:
    """Fires timers for as long as it runs. One that fails is kept, said aloud, and tried again after a while."""

    def __init__(
        self, timers: Timers, database: Database, *, longest_sleep: float = 2.0, retry_seconds: float = 5.0
    ) -> None:
        self._timers, self._database = timers, database
        self._longest_sleep, self._retry = longest_sleep, retry_seconds
        self._failed: dict[UUID, float] = {}
        self._woken = asyncio.Event()
        self._limit = CLAIM

    def wake(self) -> None:
        """Looks again now: the clock has been moved, or a timer set that is due soon."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        with self._database.waking(lambda _: self.wake(), "timers"), woken_at(stop, self._woken):
            while not stop.is_set():
                self._woken.clear()
                await within(await self._look(stop), self._woken)

    async def _look(self, stop: asyncio.Event) -> float:
        """Fires what is due; in how many seconds to look again."""
        try:
            _, seconds = await next_due(self._database)
        except Exception as error:
            log.error("the next timer is not known; looking again", exc_info=error)
            return _TROUBLE_SECONDS
        if seconds > 0:
            return min(max(seconds, _HELD_SECONDS), self._longest_sleep)
        fired = await self._fire(WHOLE)
        if fired is None:
            return _TROUBLE_SECONDS
        if fired >= BACKLOG:
            # While the database works on one transaction, the events of another are made.
            await asyncio.gather(*(self._drain(share, stop) for share in HALVES))
        if fired:
            return 0.0
        return _TROUBLE_SECONDS if self._failed else _HELD_SECONDS

    async def _drain(self, share: Share, stop: asyncio.Event) -> None:
        while not stop.is_set() and (await self._fire(share) or 0) >= BACKLOG:
            continue

    async def _fire(self, share: Share) -> int | None:
        """How many; None when one failed, which is then left alone for a while."""
        loop = asyncio.get_running_loop()
        self._failed = {id: until for id, until in self._failed.items() if until > loop.time()}
        try:
            fired = await self._timers.fire_due(
                self._database, avoid=frozenset(self._failed), limit=self._limit, share=share
            )
        except Exception as error:
            log.error("a timer failed; it is kept and tried again", exc_info=error)
            if (id := getattr(error, "aggregate_id", None)) is not None:
                self._failed[id], self._limit = loop.time() + self._retry, CLAIM
            elif not is_transient(error, CLASHES):
                # One at a time until it is found; the others go on meanwhile.
                self._limit = 1
            return None
        timers_fired.inc(fired)
        if not fired:
            self._limit = CLAIM
        return fired
