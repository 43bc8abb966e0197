"""Tables filled by one statement each, from what their columns and the types of their fields are; quick, and the same every time."""

from collections.abc import Collection, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from libs.store import Entity
from libs.store.metadata import metadata

_MANY = {
    "account_id": 400, "partner_id": 20, "depot_id": 20, "technician_id": 200, "assignee": 100, "queue": 10, "country": 20,
    "family": 20, "firmware": 200,
}  # fmt: skip
"""How many different values a column has; others have so many that a hundred rows share one."""
_SHARED = 100
_BEGAN = "'2026-01-01T00:00:00Z'::timestamptz"


def uid(n: int) -> str:
    return str(UUID(int=n + (4 << 76) + (8 << 60)))


async def fill(service: str, owner_url: str, rows: int, tables: Collection[str]) -> None:
    """So many rows in each of these tables that this service has. Few are at the beginning of their life: most are in its last state."""
    owner = await asyncpg.connect(owner_url)
    its = [cls for cls in _below(Entity) if cls.__module__.startswith(f"services.{service}.")]
    entities = {cls.table.name: cls for cls in its}
    try:
        await owner.execute("SELECT set_config('polyplus.scope', 'worker', false); SET synchronous_commit = off")
        for table in metadata(service).sorted_tables:
            if table.name in tables:
                hints = get_type_hints(entities[table.name]) if table.name in entities else {}
                columns = {
                    column.name: _expression(table, column, hints.get(column.name), rows)
                    for column in table.c
                    if not column.computed
                }
                names = ", ".join(f'"{name}"' for name in columns)
                chosen = ", ".join(columns.values())
                await owner.execute(
                    f"INSERT INTO {table.name} ({names}) SELECT {chosen} FROM generate_series(1::bigint, {rows}) AS n"
                )
                await owner.execute(f"ANALYZE {table.name}")
        for table in metadata(service).sorted_tables:
            if table.name not in entities:  # what triggers keep, as it is after a while
                await owner.execute(f"VACUUM (ANALYZE) {table.name}")
    finally:
        await owner.close()


def _below(cls: type[Any]) -> Iterator[type[Any]]:
    for each in cls.__subclasses__():
        yield each
        yield from _below(each)


def _expression(table: sa.Table, column: sa.Column[Any], hint: Any, rows: int) -> str:
    """Of `n`, the row's number."""
    many = _MANY.get(column.name, max(2, rows // _SHARED))
    alone = (
        column.primary_key
        or column.name == "event_id"
        or column.unique
        or any(i.unique and [*i.columns] == [column] for i in table.indexes)
    )
    paired = any(i.unique and column in [*i.columns][1:] for i in table.indexes)
    stride = "" if column.name == "account_id" else " * 7919"  # or each account would have one partner, one queue …
    which = "n" if alone or paired else f"(n{stride} % {many})"
    literal = _literals(hint)
    if literal:
        few = ", ".join(f"'{value}'" for value in literal)
        value = f"(ARRAY[{few}])[(CASE WHEN n % 1000 < {len(literal)} THEN n % 1000 + 1 ELSE {len(literal)} END)::int]"
    elif isinstance(column.type, sa.Uuid):
        value = f"('00000000-0000-4000-8000-' || lpad(to_hex({which}), 12, '0'))::uuid"
    elif isinstance(column.type, sa.JSON):
        return "NULL" if column.nullable else _JSON.get(column.name) or ("'[]'" if _is_a_list(hint) else "'{}'")
    elif isinstance(column.type, sa.DateTime):
        value = f"{_BEGAN} + n * interval '1 minute'"
    elif isinstance(column.type, sa.Date):
        value = "DATE '2026-01-01' + (n % 700)::int - 350"
    elif isinstance(column.type, sa.Boolean):
        value = "n % 100 = 0"
    elif isinstance(column.type, sa.Integer):
        value = _NUMBERS.get(column.name, which if alone or paired else "n % 50")
    elif isinstance(column.type, (sa.LargeBinary, sa.Double)):
        value = "'\\x'" if isinstance(column.type, sa.LargeBinary) else "0"
    else:
        value = _TEXTS.get(column.name, f"'V' || {which}")
    return f"CASE WHEN n % 2 = 0 THEN {value} END" if column.nullable and column.name in _SPARSE else value


_SPARSE = ("assignee", "problem_id", "parent_id", "due_at", "next_due_at", "technicians_until")
_JSON = {
    "external_identifiers": "CASE WHEN n % 3 = 0 THEN jsonb_build_array(jsonb_build_object('owner', 'desk', 'id', 'V' || n / 3)) "
    "ELSE '[]' END",
    "tags": "CASE WHEN n % 3 = 0 THEN jsonb_build_array('V1', 'W' || n) ELSE '[]' END",
    "product_numbers": "jsonb_build_array('V' || n % 3000)",
}
_NUMBERS = {"on_hand": "50", "reserved": "n % 45", "reorder_point": "6", "seq": "n", "account_seq": "n"}
_TEXTS = {"visibility": "CASE WHEN n % 3 = 0 THEN 'internal' ELSE 'public' END", "time_zone": "'Asia/Ho_Chi_Minh'"}


def _literals(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return [str(each) for each in get_args(hint)]
    parts = [each for each in get_args(hint) if each is not type(None)]
    return _literals(parts[0]) if type(None) in get_args(hint) and len(parts) == 1 else []


def _is_a_list(hint: Any) -> bool:
    return any(
        getattr(each, "__name__", "") in ("list", "tuple", "frozenset", "set") for each in (get_origin(hint), hint)
    )
