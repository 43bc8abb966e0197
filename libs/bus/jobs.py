"""Calls to the outside (carrier, partner) as durable jobs.

A job is claimed, called outside any transaction under our own reference, and its outcome recorded in a second transaction. A crash in
between leaves it claimed until its lease ends; the next attempt looks up our reference before it tries anything again. An outcome, once
known, stays in the job's row until it is recorded: the call is never made again for it.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import structlog
from structlog.contextvars import bound_contextvars

from libs.bus.metrics import job_calls
from libs.bus.outgoing import OutgoingClient
from libs.bus.spans import job_span
from libs.bus.waiting import within, woken_at
from libs.store import Database, Entity, Scope, Transaction
from libs.store.reasons import reason
from libs.store.tracing import traceparent

log = structlog.get_logger()
LEASE_SECONDS = 60
IN_FLIGHT = 8
ALARM_TRIES = 10
"""So often an outcome may not be recorded before somebody has to look: `Backlog.jobs_unrecorded`."""
_CALL_SECONDS = LEASE_SECONDS - 15
"""A call never outlives its claim, or two would be under way."""
_LOOK_SECONDS = 2.0
"""Between looks for what nobody here has been woken for: an ended lease, a process that is gone."""
_LONGEST_PAUSE = 60.0
_LONGEST_RETRY_AFTER = 3600.0
_REASON = 2000
"""Characters of a reason that are kept."""
# One look for each destination, however many jobs wait there: no scan of the table, and no destination stands in another's way.
# statement_timestamp() and ANY (ARRAY(…)): a volatile clock can bound no index, and an IN is planned for a tenth of all rows.
_CLAIM = f"""
WITH RECURSIVE destinations AS (
    (SELECT destination FROM jobs ORDER BY destination LIMIT 1)
    UNION ALL
    SELECT (SELECT destination FROM jobs j WHERE j.destination > d.destination ORDER BY destination LIMIT 1)
      FROM destinations d WHERE d.destination IS NOT NULL
)
UPDATE jobs SET attempt = attempt + (outcome IS NULL)::int, last_error = NULL, claim = nextval('job_claims'),
       due_at = clock_timestamp() + interval '{LEASE_SECONDS} s'
 WHERE id = ANY (ARRAY(
    SELECT due.id FROM destinations d LEFT JOIN unnest($2::text[], $3::int[]) AS busy(destination, calls) USING (destination)
     CROSS JOIN LATERAL (
        SELECT id FROM jobs j
         WHERE j.destination = d.destination AND j.due_at <= statement_timestamp() AND j.id <> ALL ($4::uuid[])
         ORDER BY j.due_at LIMIT greatest($1 - coalesce(busy.calls, 0), 0) FOR UPDATE SKIP LOCKED
     ) AS due
 ))
RETURNING id, aggregate, aggregate_id, kind, destination, reference, payload, traceparent, attempt, claim, outcome, recordings,
          (SELECT was.last_error FROM jobs was WHERE was.id = jobs.id) AS said
"""
_FINISH = "DELETE FROM jobs WHERE (id, claim) = ($1, $2)"
_AGAIN = "UPDATE jobs SET due_at = clock_timestamp() + make_interval(secs => $3), last_error = $4 WHERE (id, claim) = ($1, $2)"
_KEEP = """
UPDATE jobs SET outcome = $3, recordings = $4, due_at = clock_timestamp() + make_interval(secs => $5), last_error = $6
 WHERE (id, claim) = ($1, $2)
"""


class GiveUp(Exception):
    """The other side refused for good: no further attempt."""

    quotes_others = True


class TryLater(Exception):
    """It took no effect; another time it may. `retry_after`: the seconds that the other side asked for, if it did."""

    quotes_others = True

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class JobRun:
    """One attempt. From the second on (`attempt > 1`) the outcome of an earlier one is unknown: look `reference` up first.

    `said`: the error of the attempt before; None where there was none, or where it never came to its end.
    """

    id: UUID
    aggregate_id: UUID
    kind: str
    reference: str
    payload: dict[str, Any]
    attempt: int
    said: str | None = None


Prepare = Callable[[Any, Transaction], Awaitable[dict[str, Any]]]
Call = Callable[[JobRun, httpx.AsyncClient], Awaitable[dict[str, Any]]]
Done = Callable[[Any, dict[str, Any], Transaction], Awaitable[None]]
Failed = Callable[[Any, str, Transaction], Awaitable[None]]


@dataclass(frozen=True)
class _Kind:
    cls: type[Entity]
    call: Call
    done: Done
    failed: Failed
    attempts: int
    prepare: Prepare | None


@dataclass
class _Flying:
    """The calls under way in this process."""

    ids: set[UUID] = field(default_factory=set)
    at: Counter[str] = field(default_factory=Counter)  # by destination


class Jobs:
    """The jobs of a service: `jobs = Jobs("rma")`, then `jobs.on(Rma, "buy_label", call=…, done=…, failed=…)`.

    `call` gets the attempt and an HTTP client and returns JSON; `done(aggregate, result, tx)` records it with the aggregate
    locked; after GiveUp or the last of `attempts`, `failed(aggregate, reason, tx)` does. At most `in_flight` calls to one
    destination are under way in a process, and none waits for another's.
    """

    def __init__(self, service: str, *, in_flight: int = IN_FLIGHT, timeout: float = 10.0) -> None:
        self.service, self._in_flight, self._timeout = service, in_flight, timeout
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._scope = Scope.system(service)

    def on(
        self,
        cls: type[Entity],
        kind: str,
        *,
        call: Call,
        done: Done,
        failed: Failed,
        attempts: int = 8,
        prepare: Prepare | None = None,
    ) -> None:
        """`attempts`: how often the call is made at most; the pauses between double from 0.2 s to 60 s. `prepare(aggregate, tx)` adds
        to the payload of each attempt, so that no job's row holds what belongs to somebody, or what may have to go."""
        self._kinds[cls.__name__, kind] = _Kind(cls, call, done, failed, attempts, prepare)

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def client(self) -> httpx.AsyncClient:
        """The HTTP client that calls share."""
        return OutgoingClient(timeout=self._timeout)

    async def run_due(self, database: Database, http: httpx.AsyncClient) -> int:
        """Claims what is due, once, and works it to the end; how many."""
        flying = _Flying()
        claimed = await self._claim(database, flying)
        await asyncio.gather(*(self._work(row, database, http) for row in claimed))
        return len(claimed)

    async def run(self, database: Database, stop: asyncio.Event) -> None:
        """Works jobs until told to stop; then it waits for the calls under way."""
        look, flying, loop = asyncio.Event(), _Flying(), asyncio.get_running_loop()

        async def fly(row: asyncpg.Record) -> None:
            again = await self._work(row, database, http)
            flying.ids.discard(row["id"])
            flying.at[row["destination"]] -= 1
            look.set()
            if again is not None:
                loop.call_later(again, look.set)

        async with self.client() as http, asyncio.TaskGroup() as calls:
            with database.waking(lambda _: look.set(), "jobs"), woken_at(stop, look):
                while not stop.is_set():
                    look.clear()
                    try:
                        claimed = await self._claim(database, flying)
                    except Exception as error:
                        log.error("jobs cannot be claimed; trying again", exc_info=error)
                        claimed = []
                    for row in claimed:
                        flying.ids.add(row["id"])
                        flying.at[row["destination"]] += 1
                        calls.create_task(fly(row))
                    if not claimed:
                        await within(_LOOK_SECONDS, look)

    async def _claim(self, database: Database, flying: _Flying) -> Sequence[asyncpg.Record]:
        busy = {name: calls for name, calls in flying.at.items() if calls}
        async with database.pool.acquire() as connection:
            return await connection.fetch(_CLAIM, self._in_flight, list(busy), list(busy.values()), list(flying.ids))

    async def _work(self, row: asyncpg.Record, database: Database, http: httpx.AsyncClient) -> float | None:
        """In how many seconds it is due again; None when it is over, or left to its lease."""
        trace = {"trace_id": row["traceparent"][3:35]} if row["traceparent"] else {}
        bound = bound_contextvars(reference=row["reference"], aggregate_id=str(row["aggregate_id"]), **trace)
        with bound, job_span(row):
            return await self._through(row, database, http)

    async def _through(self, row: asyncpg.Record, database: Database, http: httpx.AsyncClient) -> float | None:
        try:
            kind = self._kinds[row["aggregate"], row["kind"]]
            outcome = json.loads(row["outcome"]) if row["outcome"] else await self._call(row, kind, database, http)
            return await self._record(row, kind, outcome, database) if isinstance(outcome, dict) else outcome
        except Exception as error:
            log.error("a job was left to its lease", kind=row["kind"], exc_info=error)
            return None

    async def _call(
        self, row: asyncpg.Record, kind: _Kind, database: Database, http: httpx.AsyncClient
    ) -> dict[str, Any] | float | None:
        """The outcome; or in how many seconds to try again; None when its aggregate is no more and so the job has ended."""
        payload = json.loads(row["payload"])
        about = (row["id"], row["aggregate_id"], row["kind"], row["reference"])
        run = JobRun(*about, payload, row["attempt"], row["said"])
        async with database.transaction(self._scope) as tx:
            aggregate = await kind.cls.find(run.aggregate_id, tx)
            if aggregate is None:
                await self._end(row, tx)
                return None
            if kind.prepare:
                run = replace(run, payload={**payload, **await kind.prepare(aggregate, tx)})
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                result = await kind.call(run, http)
        except Exception as error:
            log.warning(
                "a call to the outside failed",
                kind=run.kind,
                attempt=run.attempt,
                error=reason(error),
            )
            said = told(error)
            if isinstance(error, GiveUp) or run.attempt >= kind.attempts:
                job_calls.labels("given_up").inc()
                return {"failed": said}
            job_calls.labels("retried").inc()
            seconds = pause(run.attempt, error)
            async with database.pool.acquire() as connection:
                await connection.execute(_AGAIN, row["id"], row["claim"], seconds, said)
            return seconds
        job_calls.labels("done").inc()
        return {"done": result}

    async def _record(
        self, row: asyncpg.Record, kind: _Kind, outcome: dict[str, Any], database: Database
    ) -> float | None:
        try:
            async with database.transaction(self._scope, traceparent=traceparent() or row["traceparent"]) as tx:
                aggregate = await kind.cls.find(row["aggregate_id"], tx, lock=True)
                if aggregate is None:
                    await self._end(row, tx)
                # Else another attempt has it.
                elif await tx.connection.execute(_FINISH, row["id"], row["claim"]) == "DELETE 1":
                    if "done" in outcome:
                        await kind.done(aggregate, outcome["done"], tx)
                    else:
                        await kind.failed(aggregate, outcome["failed"], tx)
        except Exception as error:
            return await self._keep(row, outcome, error, database)
        return None

    async def _keep(self, row: asyncpg.Record, outcome: dict[str, Any], error: Exception, database: Database) -> float:
        """Keeps the outcome in the job's row, for its recording to be tried again; waits for a database that is away."""
        tries = row["recordings"] + 1
        tell = log.error if tries >= ALARM_TRIES else log.warning
        tell("the outcome of a call could not be recorded; it is kept", kind=row["kind"], tries=tries, exc_info=error)
        kept, said = json.dumps(outcome), told(error)
        attempt, seconds = 0, pause(tries)
        while True:
            try:
                async with database.pool.acquire() as connection:
                    await connection.execute(_KEEP, row["id"], row["claim"], kept, tries, seconds, said)
                return seconds
            except Exception as trouble:
                attempt += 1
                log.warning("the outcome of a call is kept in memory", kind=row["kind"], error=reason(trouble))
                await asyncio.sleep(min(5.0, pause(attempt)))

    async def _end(self, row: asyncpg.Record, tx: Transaction) -> None:
        await tx.connection.execute(_FINISH, row["id"], row["claim"])
        log.warning("a job ended with its aggregate", aggregate=row["aggregate"], kind=row["kind"])


def pause(attempt: int, error: Exception | None = None) -> float:
    """Seconds of real time before the next try: 0.2, doubling to 60, each ± 20 %, or what the other side asked for if that is longer.

    Retry-After (RFC 9110, 10.2.3) is heard up to an hour.
    """
    backing_off: float = min(_LONGEST_PAUSE, 0.1 * 2 ** min(attempt, 12)) * _spread()
    return max(backing_off, min(asked_to_wait(error), _LONGEST_RETRY_AFTER))


def _spread() -> float:
    return random.uniform(0.8, 1.2)  # noqa: S311 - spread, not secrecy


def told(error: Exception) -> str:
    """For the aggregate and the row, which may hold what the other side said; a log tells the `reason`."""
    said = (str(error) or type(error).__name__).replace("\0", "")[:_REASON]
    return said.encode(errors="replace").decode()


def asked_to_wait(error: Exception | None) -> float:
    """Seconds that the other side asked for, 0 if none."""
    if isinstance(error, httpx.HTTPStatusError):
        return retry_after(error.response) or 0.0
    return (error.retry_after if isinstance(error, TryLater) else None) or 0.0


def retry_after(answer: httpx.Response) -> float | None:
    """The seconds that the answer asks to wait, from either form of Retry-After; None when it asks nothing readable."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
