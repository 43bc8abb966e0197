"""What a transaction will write when it is flushed: rows, events, timers, calls to the outside, rows of the runtime's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
import pydantic_core

from libs.store.errors import EmitRefused
from libs.store.flush import Row, Statement, Stored, delete_rows, one_statement, update_rows
from libs.store.outbox import OutboxRow
from libs.store.runtime import columns

_MANY = 50
"""Outbox rows from which on a COPY of their own is cheaper than a part of the one statement."""
_NEWER = """
 ON CONFLICT (topic, key) DO UPDATE SET type = excluded.type, account_id = excluded.account_id, data = excluded.data, version =
"""
_NEXT, _GIVEN = f"{_NEWER} states.version + 1", f"{_NEWER} greatest(excluded.version, states.version)"
_SOON = """
UPDATE call_lanes SET next_at = statement_timestamp() WHERE name = ANY (ARRAY(
    SELECT name FROM call_lanes WHERE name = ANY ({0}::text[]) AND next_at > statement_timestamp() ORDER BY name FOR NO KEY UPDATE))
"""
SOON = timedelta(seconds=5)
"""Who fires timers looks at least so often: one that is due later needs no waking."""
Left = Literal["events", "timers", "jobs", "lanes"]
"""What a transaction leaves for somebody to take up once it is committed."""


@dataclass(frozen=True, slots=True)
class Timer:
    """What a transaction wants of one timer; `due_at` None cancels it."""

    aggregate: str  # the entity's class name
    aggregate_id: UUID
    kind: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Job:
    """A call to the outside that will be made after the commit."""

    id: UUID
    aggregate: str
    aggregate_id: UUID
    kind: str
    destination: str
    reference: str
    payload: dict[str, Any]
    traceparent: str | None

    def to_row(self) -> Row:
        payload = pydantic_core.to_json(self.payload).decode()
        about = (self.id, self.aggregate, self.aggregate_id, self.kind)
        return *about, self.destination, self.reference, payload, self.traceparent


@dataclass
class Pending:
    """In a rebuild one table is written, nothing else, and nobody is told."""

    now: datetime
    rebuilding: str | None = None
    outbox: list[OutboxRow] = field(default_factory=list)
    states: dict[tuple[str, UUID], tuple[Row, bool]] = field(default_factory=dict)
    """By topic and key: what the outbox rows of these say, and whether the version was given."""
    left: set[Left] = field(default_factory=set)
    """What the flush left for others to take up."""
    touched_timers: set[tuple[UUID, str]] = field(default_factory=set)
    """Those set or cancelled here, flushed or not."""
    _timers: dict[tuple[UUID, str], Timer] = field(default_factory=dict)
    _jobs: list[Job] = field(default_factory=list)
    _lanes: dict[str, Row] = field(default_factory=dict)
    _calls: list[Row] = field(default_factory=list)
    _beside: list[Statement] = field(default_factory=list)

    def refuse_in_rebuild(self, what: str) -> None:
        if self.rebuilding is not None:
            raise EmitRefused(f"{what}: a rebuild of {self.rebuilding} writes nothing else and tells nobody.")

    def publish(self, row: OutboxRow) -> None:
        self.refuse_in_rebuild(row.type)
        self.outbox.append(row)

    def set_timer(self, timer: Timer) -> None:
        self.refuse_in_rebuild(timer.kind)
        key = timer.aggregate_id, timer.kind
        self._timers[key] = timer
        self.touched_timers.add(key)

    def start_job(self, job: Job) -> None:
        self.refuse_in_rebuild(job.kind)
        self._jobs.append(job)

    def send_call(self, lane: Row, call: Row) -> None:
        """A row of `lane_calls`, and of `lanes` should its own not be there."""
        self.refuse_in_rebuild(f"a call to {lane[0]}")
        self._lanes[lane[0]] = lane
        self._calls.append(call)

    def write_with(self, statement: Statement) -> None:
        self._beside.append(statement)

    async def flush(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        inserted: Sequence[tuple[Stored, Sequence[Row]]],
        updated: Sequence[tuple[Stored, Sequence[Row]]],
        removed: Sequence[tuple[Stored, Sequence[UUID]]],
    ) -> None:
        """Writes these rows and all that is pending as one statement with one part per table."""
        statements = [delete_rows(stored, ids) for stored, ids in removed]
        written = {stored.table for stored, _ in (*inserted, *updated)}
        if any(stored.table in written for stored, _ in removed):
            # The parts of one statement do not see what another takes away.
            await _execute(connection, statements)
            statements = []
        statements += [Statement.insert(*stored, rows) for stored, rows in inserted]
        statements += [update_rows(stored, rows) for stored, rows in updated]
        if len(self.outbox) >= _MANY:
            names = columns.names(columns.OUTBOX)
            await connection.copy_records_to_table("outbox", records=self.outbox, columns=names)
        elif self.outbox:
            statements.append(Statement.insert("outbox", columns.OUTBOX, self.outbox))
        for suffix, has_version in ((_NEXT, False), (_GIVEN, True)):
            # By topic and key: two transactions that tell the same ones wait for each other in one order.
            if rows := [row for _, (row, was_given) in sorted(self.states.items()) if was_given == has_version]:
                statements.append(Statement.insert("states", columns.STATES, rows, suffix))
        statements += write_timers(list(self._timers.values()))
        if self._jobs:
            statements.append(Statement.insert("jobs", columns.JOBS, [job.to_row() for job in self._jobs]))
        if self._calls:
            lanes = [lane for _, lane in sorted(self._lanes.items())]
            statements.append(Statement.insert("call_lanes", columns.LANES, lanes, " ON CONFLICT DO NOTHING"))
            statements.append(Statement(_SOON, (list(self._lanes),)))
            statements.append(
                Statement.insert("lane_calls", columns.LANE_CALLS, self._calls, " ON CONFLICT DO NOTHING")
            )
        statements += self._beside
        if statements:
            await _execute(connection, statements)
        self._note_what_is_left()
        for pending in (self._timers, self._jobs, self._lanes, self._calls, self._beside, self.outbox, self.states):
            pending.clear()

    def _note_what_is_left(self) -> None:
        if self.outbox:
            self.left.add("events")
        if self._jobs:
            self.left.add("jobs")
        if self._calls:
            self.left.add("lanes")
        if any(timer.due_at and timer.due_at - self.now < SOON for timer in self._timers.values()):
            self.left.add("timers")


def write_timers(timers: Sequence[Timer]) -> list[Statement]:
    statements = []
    if rows := [(t.aggregate, t.aggregate_id, t.kind, t.due_at) for t in timers if t.due_at]:
        again = " ON CONFLICT (aggregate_id, kind) DO UPDATE SET due_at = excluded.due_at, generation = nextval('timer_generations')"
        statements.append(Statement.insert("timers", columns.TIMERS, rows, again))
    if cancelled := [(t.aggregate_id, t.kind) for t in timers if t.due_at is None]:
        sql = "DELETE FROM timers WHERE (aggregate_id, kind) IN (SELECT * FROM unnest({0}::uuid[], {1}::text[]))"
        statements.append(Statement(sql, tuple(zip(*cancelled, strict=True))))
    return statements


async def _execute(connection: "asyncpg.Connection[asyncpg.Record]", statements: Sequence[Statement]) -> None:
    sql, params = one_statement(statements)
    await connection.execute(sql, *params)
