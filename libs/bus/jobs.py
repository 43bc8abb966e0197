"""Calls to the outside (carrier, partner, mail, webhook) as durable jobs.

A job is claimed, called outside any transaction under our own reference, and its result recorded in a second transaction. A crash
in between leaves it claimed until its lease ends; the next attempt looks up our reference before it tries anything again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import structlog

from libs.bus.metrics import job_calls
from libs.bus.spans import job_span
from libs.store import Database, Entity, Scope, Transaction
from libs.store.tracing import traceparent

log = structlog.get_logger()
LEASE_SECONDS = 60
_CALL_SECONDS = LEASE_SECONDS - 15  # a call never outlives its claim, or two would be under way
_CLAIM = f"""
UPDATE jobs SET attempt = attempt + 1, last_error = NULL, claim = nextval('job_claims'), due_at = clock_timestamp() + interval '{LEASE_SECONDS} s'
 WHERE id IN (SELECT id FROM jobs WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, aggregate, aggregate_id, kind, reference, payload, traceparent, attempt, claim
"""
_FINISH = "DELETE FROM jobs WHERE (id, claim) = ($1, $2)"
_RETRY = "UPDATE jobs SET due_at = clock_timestamp() + make_interval(secs => $3), last_error = $4 WHERE (id, claim) = ($1, $2)"


class GiveUp(Exception):
    """The other side refused for good: no further attempt."""


@dataclass(frozen=True)
class JobRun:
    """One attempt. From the second on (`attempt > 1`) the outcome of an earlier one is unknown: look `reference` up first."""

    id: UUID
    aggregate_id: UUID
    kind: str
    reference: str
    payload: dict[str, Any]
    attempt: int


Call = Callable[[JobRun, httpx.AsyncClient], Awaitable[dict[str, Any]]]
Done = Callable[[Any, dict[str, Any], Transaction], Awaitable[None]]
Failed = Callable[[Any, str, Transaction], Awaitable[None]]


@dataclass(frozen=True)
class _Kind:
    cls: type[Entity]
    call: Call
    done: Done
    failed: Failed | None
    attempts: int


class Jobs:
    """The jobs of a service: `jobs = Jobs("rma")`, then `jobs.on(Rma, "buy_label", call=buy_label, done=label_bought)`.

    `call` gets the attempt and an HTTP client and returns JSON; `done(aggregate, result, tx)` records it with the aggregate
    locked; after GiveUp or the last of `attempts`, `failed(aggregate, reason, tx)` does. Without `failed` it is tried for ever.
    """

    def __init__(self, service: str, *, concurrency: int = 8, timeout: float = 10.0) -> None:
        self.service, self._concurrency, self._timeout = service, concurrency, timeout
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def on(
        self, cls: type[Entity], kind: str, *, call: Call, done: Done, failed: Failed | None = None, attempts: int = 8
    ) -> None:
        self._kinds[cls.__name__, kind] = _Kind(cls, call, done, failed, attempts)

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def client(self) -> httpx.AsyncClient:
        """The HTTP client that calls share: bounded, no redirects, nothing from the environment."""
        return httpx.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False)

    async def run_due(self, database: Database, http: httpx.AsyncClient) -> int:
        """Claims and works what is due, a few at a time; how many."""
        async with database.pool.acquire() as connection:
            claimed = await connection.fetch(_CLAIM, self._concurrency)
        outcomes = await asyncio.gather(*(self._work(row, database, http) for row in claimed), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                log.error("a job was left to its lease", exc_info=outcome)
        return len(claimed)

    async def _work(self, row: asyncpg.Record, database: Database, http: httpx.AsyncClient) -> None:
        with job_span(row):
            await self._attempt(row, database, http)

    async def _attempt(self, row: asyncpg.Record, database: Database, http: httpx.AsyncClient) -> None:
        kind = self._kinds[row["aggregate"], row["kind"]]
        run = JobRun(
            row["id"], row["aggregate_id"], row["kind"], row["reference"], json.loads(row["payload"]), row["attempt"]
        )
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                result = await kind.call(run, http)
        except Exception as error:
            reason = str(error) or type(error).__name__
            log.warning(
                "a call to the outside failed",
                kind=run.kind,
                reference=run.reference,
                attempt=run.attempt,
                error=reason,
            )
            if kind.failed and (isinstance(error, GiveUp) or run.attempt >= kind.attempts):
                failed = kind.failed
                job_calls.labels("given_up").inc()
                await self._record(row, kind, database, lambda aggregate, tx: failed(aggregate, reason, tx))
            else:
                job_calls.labels("retried").inc()
                await self._again(row, database, reason)
        else:
            job_calls.labels("done").inc()
            await self._record(row, kind, database, lambda aggregate, tx: kind.done(aggregate, result, tx))

    async def _record(
        self,
        row: asyncpg.Record,
        kind: _Kind,
        database: Database,
        record: Callable[[Any, Transaction], Awaitable[None]],
    ) -> None:
        scope = Scope("worker", actor=f"system:{self.service}")
        try:
            async with database.transaction(scope, traceparent=traceparent() or row["traceparent"]) as tx:
                aggregate = await kind.cls.get(row["aggregate_id"], tx, lock=True)
                if (
                    await tx.connection.execute(_FINISH, row["id"], row["claim"]) == "DELETE 1"
                ):  # else another attempt has it
                    await record(aggregate, tx)
        except Exception as error:
            log.error("a job's result could not be recorded; it is tried again", kind=row["kind"], exc_info=error)
            await self._again(row, database, str(error))

    async def _again(self, row: asyncpg.Record, database: Database, reason: str) -> None:
        """Back-off in real time: 0.2 s, doubling, at most 60 s."""
        async with database.pool.acquire() as connection:
            await connection.execute(
                _RETRY, row["id"], row["claim"], min(60.0, 0.1 * 2 ** min(row["attempt"], 12)), reason[:2000]
            )

    async def run(self, database: Database, stop: asyncio.Event) -> None:
        """Works jobs until told to stop."""
        started = asyncio.Event()
        database.job_wake_ups.append(started.set)
        async with self.client() as http:
            while not stop.is_set():
                started.clear()
                try:
                    worked = await self.run_due(database, http)
                except Exception as error:
                    log.error("jobs cannot be claimed; trying again", exc_info=error)
                    worked = 0
                if not worked:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(started.wait(), 0.25)
