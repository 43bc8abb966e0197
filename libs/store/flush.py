"""How pending changes become one SQL statement: a data-modifying CTE for each table, values in arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from libs.store.runtime.columns import Columns

Row = tuple[Any, ...]


class Stored(NamedTuple):
    """Where the rows of an entity are."""

    table: str
    columns: Columns


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


def update_rows(stored: Stored, rows: Sequence[Row]) -> Statement:
    return Statement(_update_sql(*stored), tuple(zip(*rows, strict=True)))


def delete_rows(stored: Stored, ids: Sequence[UUID]) -> Statement:
    return Statement(f'DELETE FROM "{stored.table}" WHERE "id" = ANY({{0}}::uuid[])', (list(ids),))


def one_statement(statements: Sequence[Statement]) -> tuple[str, list[Any]]:
    """The statements joined as CTEs of one, parameters renumbered: one round trip, one snapshot."""
    parts, params = [], list[Any]()
    for i, statement in enumerate(statements):
        numbers = [f"${len(params) + n + 1}" for n in range(len(statement.params))]
        parts.append(f"w{i} AS ({statement.sql.format(*numbers)})")
        params.extend(statement.params)
    return f"WITH {', '.join(parts)} SELECT", params
