"""The calls of one process in its lanes: claimed, prepared, made and recorded. What lanes are: libs/bus/lanes.py."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import httpx
import structlog
from structlog.contextvars import bound_contextvars

from libs.bus.jobs import GiveUp, asked_to_wait, pause, told
from libs.bus.metrics import lane_calls
from libs.store import Database, Scope, Transaction
from libs.store.errors import passes
from libs.store.reasons import reason

log = structlog.get_logger()
T = TypeVar("T")
LEASE_SECONDS = 60
FAILURES = 5
"""So many in a row, and the lane is tried once a minute."""
DOMAIN_SECONDS = 0.8 * 1_800
"""A pause of so long or longer goes by the domain's clock: half an hour as it is spread."""
ALARM_TRIES = 10
LOOK_SECONDS, _HELD_SECONDS = 2.0, 0.01
_CALL_SECONDS = LEASE_SECONDS - 15
"""A call never outlives its claim, or two would be under way."""
_STOP_SECONDS = 8.0
_TOGETHER = 500
"""Outcomes that are recorded in one transaction."""
_SAID = 1_000
"""Characters of a reason that are kept."""
# One statement with the lanes locked: what is under way is counted from the rows, so no counter can be wrong after a crash. A lane that is
# locked is another worker's just now. statement_timestamp() and ANY (ARRAY(…)): a volatile clock can bound no index.
_CLAIM = f"""
WITH ready AS MATERIALIZED (
    SELECT name, most, ordered, failures, resumes_at FROM call_lanes WHERE next_at <= statement_timestamp()
     ORDER BY next_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), room AS MATERIALIZED (
    SELECT ready.*, busy.until, CASE WHEN resumes_at > app_now() THEN 0 ELSE
           greatest(CASE WHEN ordered OR failures >= {FAILURES} THEN 1 ELSE most END - busy.calls, 0) END AS free
      FROM ready CROSS JOIN LATERAL (
        SELECT count(*) AS calls, min(due_at) AS until FROM lane_calls
         WHERE lane = name AND claim IS NOT NULL AND due_at > statement_timestamp()
     ) AS busy
), due AS MATERIALIZED (
    SELECT name, picked.id FROM room CROSS JOIN LATERAL (
        SELECT id FROM lane_calls WHERE NOT ordered AND lane = name AND due_at <= statement_timestamp()
         ORDER BY due_at LIMIT free FOR UPDATE SKIP LOCKED
    ) AS picked
    UNION ALL
    SELECT name, id FROM room CROSS JOIN LATERAL (
        SELECT id, due_at FROM lane_calls WHERE ordered AND lane = name ORDER BY seq LIMIT least(free, 1) FOR UPDATE SKIP LOCKED
    ) AS head WHERE due_at <= statement_timestamp()
    LIMIT $1
), claimed AS (
    UPDATE lane_calls SET attempt = attempt + (outcome IS NULL)::int, claim = nextval('job_claims'),
           due_at = clock_timestamp() + interval '{LEASE_SECONDS} s'
     WHERE id = ANY (ARRAY(SELECT id FROM due))
    RETURNING id, lane, kind, payload, traceparent, attempt, said, claim, outcome, recordings
), later AS (
    UPDATE call_lanes SET next_at = CASE
        WHEN resumes_at > app_now() THEN statement_timestamp() + (resumes_at - app_now())
        WHEN count >= free THEN least(until, statement_timestamp() + interval '{LEASE_SECONDS} s')
        ELSE least(left_at, until, CASE WHEN count > 0 THEN statement_timestamp() + interval '{LEASE_SECONDS} s' END, 'infinity') END
      FROM (
        SELECT name AS of, free, until, (SELECT count(*) FROM due WHERE due.name = room.name) AS count, CASE WHEN ordered
               THEN (SELECT CASE WHEN id <> ALL (ARRAY(SELECT id FROM due)) THEN due_at END
                       FROM (SELECT id, due_at FROM lane_calls WHERE lane = name ORDER BY seq LIMIT 1) AS head)
               ELSE (SELECT due_at FROM lane_calls WHERE lane = name AND id <> ALL (ARRAY(SELECT id FROM due))
                      ORDER BY due_at LIMIT 1) END AS left_at
          FROM room
     ) AS now WHERE name = now.of
)
SELECT * FROM claimed
"""
# What the domain's clock has woken, lanes that may be tried again by it, and those that were left just when a call was added.
_WAKE = """
WITH woken AS (
    UPDATE lane_calls SET due_at = statement_timestamp(), wakes_at = NULL WHERE id = ANY (ARRAY(
        SELECT id FROM lane_calls WHERE wakes_at <= app_now() ORDER BY wakes_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
    RETURNING lane
)
UPDATE call_lanes SET next_at = statement_timestamp() WHERE name = ANY (ARRAY(
    SELECT name FROM call_lanes WHERE next_at > statement_timestamp() AND (resumes_at IS NULL OR resumes_at <= app_now())
       AND (name IN (SELECT lane FROM woken) OR EXISTS (SELECT FROM lane_calls WHERE lane = name AND due_at <= statement_timestamp()))
     FOR NO KEY UPDATE SKIP LOCKED))
"""
_NEXT = "SELECT coalesce(extract(epoch FROM min(next_at) - clock_timestamp()), 3600)::float8 FROM call_lanes WHERE next_at < 'infinity'"
_STILL_OURS = "SELECT id FROM lane_calls WHERE (id, claim) IN (SELECT * FROM unnest($1::uuid[], $2::bigint[])) ORDER BY id FOR UPDATE"
_END = "DELETE FROM lane_calls WHERE id = ANY ($1::uuid[])"
_AGAIN = f"""
UPDATE lane_calls SET claim = NULL, outcome = NULL, recordings = 0, said = u.said,
       due_at = CASE WHEN seconds < {DOMAIN_SECONDS} THEN clock_timestamp() + make_interval(secs => seconds) ELSE 'infinity' END,
       wakes_at = CASE WHEN seconds >= {DOMAIN_SECONDS} THEN app_now() + make_interval(secs => seconds) END
  FROM unnest($1::uuid[], $2::float8[], $3::text[]) AS u(id, seconds, said) WHERE lane_calls.id = u.id
"""
_TELL_LANES = f"""
UPDATE call_lanes SET next_at = least(next_at, statement_timestamp()), failures = CASE WHEN answered THEN 0 ELSE failures + failed END,
       resumes_at = CASE WHEN answered THEN NULL WHEN failed > 0 AND failures + failed >= {FAILURES}
                         THEN app_now() + interval '1 min' ELSE resumes_at END
  FROM (SELECT name AS of, answered, failed FROM call_lanes JOIN unnest($1::text[], $2::bool[], $3::int[]) AS u(name, answered, failed)
         USING (name) ORDER BY name FOR NO KEY UPDATE OF call_lanes) AS told
 WHERE name = told.of
"""
_KEEP = """
UPDATE lane_calls SET outcome = $3, recordings = recordings + 1, due_at = clock_timestamp() + make_interval(secs => $4)
 WHERE (id, claim) = ($1, $2)
"""


@dataclass(frozen=True)
class Attempt:
    """One attempt at a call. From the second on the outcome of an earlier one may be unknown. `said`: why the one before failed."""

    id: UUID
    lane: str
    kind: str
    payload: dict[str, Any]
    attempt: int
    said: str | None


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: `result` of one that got through, else `why` it failed; in `again_in` seconds it is tried again, or never.

    `refused`: the other side answered, and for good. One that had nothing to send any more has neither result nor why.
    """

    of: Attempt
    result: dict[str, Any] | None = None
    why: str | None = None
    again_in: float | None = None
    refused: bool = False

    @property
    def answered(self) -> bool:
        """Whether there is somebody."""
        return self.result is not None or self.refused

    def to_row(self) -> str:
        return json.dumps({name: value for name, value in vars(self).items() if name != "of"})


Prepare = Callable[[Sequence[Attempt], Transaction], Awaitable[Mapping[UUID, Any]]]
Call = Callable[[Attempt, Any, httpx.AsyncClient], Awaitable[dict[str, Any]]]
Record = Callable[[Sequence[Outcome], Transaction], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    prepare: Prepare
    call: Call
    record: Record
    schedule: Sequence[float]


class Flight:
    """The calls of this process that are claimed and not yet recorded."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        scope: Scope,
        database: Database,
        http: httpx.AsyncClient,
        landed: asyncio.Event,
    ) -> None:
        self._kinds, self._scope, self._database, self._http = kinds, scope, database, http
        self._open, self._landed = 0, landed
        self._tasks = set[asyncio.Task[None]]()
        self._outcomes = asyncio.Queue[tuple[asyncpg.Record, Outcome]]()
        self._recorder = asyncio.create_task(self._record_all())

    async def wake(self) -> None:
        try:
            async with self._database.pool.acquire() as connection:
                await connection.execute(_WAKE)
        except Exception as error:
            log.error("lanes cannot be looked at; trying again", exc_info=error)

    async def claim(self, in_flight: int) -> float:
        """Takes up what there is room for; in how many seconds to look again, 0 for at once."""
        room = in_flight - self._open
        if room <= 0:
            return LOOK_SECONDS
        try:
            async with self._database.pool.acquire() as connection:
                claimed = await connection.fetch(_CLAIM, room)
                seconds = 0.0 if claimed else await connection.fetchval(_NEXT)
        except Exception as error:
            log.error("calls cannot be claimed; trying again", exc_info=error)
            return LOOK_SECONDS
        self._open += len(claimed)
        for kind, rows in _by(claimed, lambda row: str(row["kind"])).items():
            self._begin(self._through(kind, rows))
        return 0.0 if claimed else max(seconds, _HELD_SECONDS)

    async def land(self) -> None:
        """Waits for what is under way, and records it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._outcomes.join()

    async def abandon(self) -> None:
        """What is still under way is left to its lease."""
        left = [*self._tasks, self._recorder]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _through(self, name: str, rows: Sequence[asyncpg.Record]) -> None:
        """Prepares these calls together, then makes each by itself."""
        known = [(row, _kept(row)) for row in rows]
        fresh = {row["id"]: (row, _attempt(row)) for row, outcome in known if outcome is None}
        for row, outcome in known:
            if outcome:
                self._outcomes.put_nowait((row, outcome))
        if not fresh:
            return
        try:
            kind = self._kinds[name]
            async with self._database.transaction(self._scope) as tx:
                prepared = await kind.prepare([attempt for _, attempt in fresh.values()], tx)
        except Exception as error:
            if len(fresh) > 1:
                await asyncio.gather(*(self._through(name, [row]) for row, _ in fresh.values()))
                return
            log.error("a call cannot be prepared; it is left to its lease", kind=name, exc_info=error)
            self._over(1)
            return
        for id, (row, attempt) in fresh.items():
            if id in prepared:
                self._begin(self._make(kind, row, attempt, prepared[id]))
            else:
                self._outcomes.put_nowait((row, Outcome(attempt)))

    async def _make(self, kind: Kind, row: asyncpg.Record, attempt: Attempt, prepared: Any) -> None:
        trace = {"trace_id": row["traceparent"][3:35]} if row["traceparent"] else {}
        with bound_contextvars(lane=attempt.lane, call=str(attempt.id), **trace):
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    outcome = Outcome(attempt, result=await kind.call(attempt, prepared, self._http))
            except Exception as error:
                outcome = _failed(attempt, error, kind.schedule)
                log.warning("a call failed", kind=attempt.kind, attempt=attempt.attempt, error=reason(error))
        lane_calls.labels("done" if outcome.result is not None else "retried" if outcome.again_in else "given_up").inc()
        self._outcomes.put_nowait((row, outcome))

    # --- recording ---------------------------------------------------------------------------------------------------

    def _over(self, calls: int) -> None:
        self._open -= calls
        self._landed.set()

    async def _record_all(self) -> None:
        """Whatever has come to an end while the ones before were recorded, together."""
        while True:
            batch = [await self._outcomes.get()]
            while len(batch) < _TOGETHER and not self._outcomes.empty():
                batch.append(self._outcomes.get_nowait())
            await self._record(batch)
            self._over(len(batch))
            for _ in batch:
                self._outcomes.task_done()

    async def _record(self, batch: Sequence[tuple[asyncpg.Record, Outcome]]) -> None:
        """An outcome that cannot be recorded is kept in its row; the others of its batch are recorded."""
        tries = 0
        while True:
            try:
                await self._write(batch)
            except Exception as error:
                if passes(error):
                    tries += 1
                    log.warning("outcomes of calls are kept in memory", calls=len(batch), error=reason(error))
                    await asyncio.sleep(min(5.0, pause(tries)))
                    continue
                if len(batch) == 1:
                    await self._keep(*batch[0], error)
                    return
                for one in batch:
                    await self._record([one])
            return

    async def _write(self, batch: Sequence[tuple[asyncpg.Record, Outcome]]) -> None:
        async with self._database.transaction(self._scope) as tx:
            ids, claims = [row["id"] for row, _ in batch], [row["claim"] for row, _ in batch]
            ours = {row["id"] for row in await tx.connection.fetch(_STILL_OURS, ids, claims)}
            outcomes = [outcome for row, outcome in batch if row["id"] in ours]
            for kind, those in _by(outcomes, lambda outcome: outcome.of.kind).items():
                await self._kinds[kind].record(those, tx)
            await tx.flush()
            await tx.connection.execute(_END, [each.of.id for each in outcomes if each.again_in is None])
            again = [(each.of.id, each.again_in, each.why) for each in outcomes if each.again_in is not None]
            if again:
                await tx.connection.execute(_AGAIN, *map(list, zip(*again, strict=True)))
            tells = [
                (lane, any(each.answered for each in those), sum(each.why is not None for each in those))
                for lane, those in sorted(_by(outcomes, lambda outcome: outcome.of.lane).items())
            ]
            if tells:
                await tx.connection.execute(_TELL_LANES, *map(list, zip(*tells, strict=True)))

    async def _keep(self, row: asyncpg.Record, outcome: Outcome, error: Exception) -> None:
        tries = row["recordings"] + 1
        tell = log.error if tries >= ALARM_TRIES else log.warning
        tell("the outcome of a call could not be recorded; it is kept", kind=row["kind"], tries=tries, exc_info=error)
        try:
            async with self._database.pool.acquire() as connection:
                await connection.execute(_KEEP, row["id"], row["claim"], outcome.to_row(), pause(tries))
        except Exception as trouble:
            log.error("the outcome of a call was left to its lease", kind=row["kind"], exc_info=trouble)


def _attempt(row: asyncpg.Record) -> Attempt:
    payload = json.loads(row["payload"])
    return Attempt(row["id"], row["lane"], row["kind"], payload, row["attempt"], row["said"])


def _kept(row: asyncpg.Record) -> Outcome | None:
    return Outcome(_attempt(row), **json.loads(row["outcome"])) if row["outcome"] else None


def _failed(attempt: Attempt, error: Exception, schedule: Sequence[float]) -> Outcome:
    """Retry-After (RFC 9110, 10.2.3) is heard up to twice the step."""
    why = told(error)[:_SAID]
    if isinstance(error, GiveUp) or attempt.attempt > len(schedule):
        return Outcome(attempt, why=why, refused=isinstance(error, GiveUp))
    step = schedule[attempt.attempt - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - spread, not secrecy
    return Outcome(attempt, why=why, again_in=min(max(step, asked_to_wait(error)), 2 * step))


def _by(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found = defaultdict[str, list[T]](list)
    for item in items:
        found[key(item)].append(item)
    return found
