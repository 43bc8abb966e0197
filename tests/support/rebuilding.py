"""What holds of every projection: read anew from the same log it is the same, byte for byte, and whatever was broken is mended."""

import json
from random import Random
from typing import Any
from uuid import UUID

from libs.bus.projections import Projection
from libs.store import Transaction
from tests.support.harness import Harness

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


async def dump(h: Harness) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, the runtime's included."""
    found = {}
    async with h.transaction() as tx:
        for (table,) in await tx.connection.fetch(_TABLES):
            rows = await tx.connection.fetch(f'SELECT to_jsonb(t)::text FROM "{table}" t')
            found[table] = sorted((json.loads(row) for (row,) in rows), key=str)
    return found


async def proves_rebuildable(h: Harness, projection: Projection, random: Random) -> None:
    """For a service that has consumed something: the projection is rebuilt, then broken in each way and rebuilt again."""
    table, before = projection.name, await dump(h)
    assert before[table], "a projection without rows proves nothing"
    assert (await h.rebuild(table)).differences == []
    assert await dump(h) == before

    row = random.choice(before[table])
    id, stray = UUID(row["id"]), UUID(int=random.getrandbits(128), version=4)
    stored = {column.name for column in projection.cls.columns}  # what PostgreSQL makes of them is no word of anybody's
    told = stored - _untold(projection)
    column = random.choice(sorted(name for name in told if row[name] is not None))
    async with h.transaction() as tx:
        await _break(table, id, column, row[column], tx)
        columns = ", ".join(f'"{name}"' for name in stored - {"id", "version"})
        copy = f'INSERT INTO "{table}" (id, version, {columns}) SELECT $1, 0, {columns} FROM "{table}" WHERE id = $2'
        await tx.connection.execute(copy, stray, id)
    broken = await dump(h)
    seen = {each.id: (each.what, each.columns) for each in (await h.rebuild(table, check=True)).differences}
    assert seen == {id: ("changed", (column,)), stray: ("unknown to the log", ())}
    assert await dump(h) == broken, "it was only to be looked at"
    assert len((await h.rebuild(table)).differences) == 2
    row["revision"] += 1
    assert await dump(h) == before

    async with h.transaction() as tx:
        await tx.connection.execute(f'DELETE FROM "{table}" WHERE id = $1', id)
    [missing] = (await h.rebuild(table)).differences
    assert (missing.id, missing.what, missing.left is not None) == (id, "missing", projection.emits)
    if not projection.emits:
        after = await dump(h)
        for each in (*after[table], *before[table]):
            each.update(
                dict.fromkeys(("revision", *projection.own))
            )  # a row made anew begins with none of its own word
        assert after == before


def _untold(projection: Projection) -> set[str]:
    return {"id", "version", "revision", *projection.own, *projection.keep}


async def _break(table: str, id: UUID, column: str, value: object, tx: Transaction) -> None:
    kind = await tx.connection.fetchval(
        "SELECT data_type FROM information_schema.columns WHERE (table_name, column_name) = ($1, $2)", table, column
    )
    others = {
        "uuid": "gen_random_uuid()", "timestamp with time zone": f"\"{column}\" - interval '1 s'", "text": "'edited'",
        "boolean": f'NOT "{column}"', "bigint": f'"{column}" + 1', "jsonb": """'[{"edited": 1}]'""",
    }  # fmt: skip
    assert kind in others, f"{column} is of type {kind}, such as {value!r}"
    await tx.connection.execute(f'UPDATE "{table}" SET "{column}" = {others[kind]} WHERE id = $1', id)
