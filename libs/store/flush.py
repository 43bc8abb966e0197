"""How pending changes become one SQL statement: a data-modifying CTE for each table, values in arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import pydantic_core

from libs.store.entity import Entity

Columns = tuple[tuple[str, str], ...]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Statement:
    """SQL with `{0}`, `{1}` … for its parameters, so that several can be joined into one."""

    sql: str
    params: tuple[Any, ...]

    @classmethod
    def insert(cls, table: str, columns: Columns, rows: Sequence[Sequence[Any]], suffix: str = "") -> "Statement":
        """All the rows in their order. JSONB goes as text."""
        return cls(_insert_sql(table, columns) + suffix, tuple(zip(*rows, strict=True)))

    def alone(self) -> tuple[Any, ...]:
        """The statement by itself, and its parameters."""
        return self.sql.format(*(f"${n + 1}" for n in range(len(self.params)))), *self.params


@lru_cache
def _unnest(columns: Columns) -> tuple[str, str, str]:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    arrays = ", ".join(f"{{{i}}}::{'text' if kind == 'jsonb' else kind}[]" for i, (_, kind) in enumerate(columns))
    values = ", ".join(f'u."{name}"{"::jsonb" if kind == "jsonb" else ""}' for name, kind in columns)
    return names, arrays, values


@lru_cache
def _insert_sql(table: str, columns: Columns) -> str:
    names, arrays, values = _unnest(columns)
    return (
        f'INSERT INTO "{table}" ({names}) SELECT {values} '
        f"FROM unnest({arrays}) WITH ORDINALITY AS u({names}, ordinal) ORDER BY u.ordinal"
    )


@lru_cache
def _update_sql(table: str, columns: Columns) -> str:
    names, arrays, _ = _unnest(columns)
    sets = ", ".join(
        f'"{name}" = u."{name}"{"::jsonb" if kind == "jsonb" else ""}' for name, kind in columns if name != "id"
    )
    return f'UPDATE "{table}" AS t SET {sets} FROM unnest({arrays}) AS u({names}) WHERE t."id" = u."id"'


def _columns(cls: type[Entity]) -> Columns:
    return tuple((column.name, column.sql_type) for column in cls.columns)


def insert_rows(cls: type[Entity], rows: Sequence[Row], suffix: str = "") -> Statement:
    return Statement.insert(cls.table.name, _columns(cls), rows, suffix)


def update_rows(cls: type[Entity], rows: Sequence[Row]) -> Statement:
    return Statement(_update_sql(cls.table.name, _columns(cls)), tuple(zip(*rows, strict=True)))


def delete_rows(cls: type[Entity], ids: Sequence[UUID]) -> Statement:
    return Statement(f'DELETE FROM "{cls.table.name}" WHERE "id" = ANY({{0}}::uuid[])', (list(ids),))


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


_TIMER: Columns = (("aggregate", "text"), ("aggregate_id", "uuid"), ("kind", "text"), ("due_at", "timestamptz"))
_JOB: Columns = (
    ("id", "uuid"), ("aggregate", "text"), ("aggregate_id", "uuid"), ("kind", "text"), ("destination", "text"),
    ("reference", "text"), ("payload", "jsonb"), ("traceparent", "text"),
)  # fmt: skip


def flush_timers(timers: Sequence[Timer]) -> list[Statement]:
    statements = []
    if rows := [(t.aggregate, t.aggregate_id, t.kind, t.due_at) for t in timers if t.due_at]:
        again = " ON CONFLICT (aggregate_id, kind) DO UPDATE SET due_at = excluded.due_at, generation = nextval('timer_generations')"
        statements.append(Statement.insert("timers", _TIMER, rows, again))
    if cancelled := [(t.aggregate_id, t.kind) for t in timers if t.due_at is None]:
        sql = "DELETE FROM timers WHERE (aggregate_id, kind) IN (SELECT * FROM unnest({0}::uuid[], {1}::text[]))"
        statements.append(Statement(sql, tuple(zip(*cancelled, strict=True))))
    return statements


def flush_jobs(jobs: Sequence[Job]) -> list[Statement]:
    rows = [
        (
            j.id,
            j.aggregate,
            j.aggregate_id,
            j.kind,
            j.destination,
            j.reference,
            pydantic_core.to_json(j.payload).decode(),
            j.traceparent,
        )
        for j in jobs
    ]
    return [Statement.insert("jobs", _JOB, rows)] if rows else []


def one_statement(statements: Sequence[Statement]) -> tuple[str, list[Any]]:
    """The statements joined as CTEs of one, parameters renumbered: one round trip, one snapshot."""
    parts, params = [], list[Any]()
    for i, statement in enumerate(statements):
        numbers = [f"${len(params) + n + 1}" for n in range(len(statement.params))]
        parts.append(f"w{i} AS ({statement.sql.format(*numbers)})")
        params.extend(statement.params)
    return f"WITH {', '.join(parts)} SELECT", params
