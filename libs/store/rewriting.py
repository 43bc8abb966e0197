"""What a migration does with rows that are there already: what they say is written anew, a page at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

PAGE = 2000


class Operations(Protocol):
    def get_bind(self) -> sa.Connection: ...


def see_all_rows(op: Operations) -> None:
    """For the rest of the migration: row-level security holds for a table's owner too."""
    op.get_bind().execute(sa.text("SELECT set_config('polyplus.scope', 'worker', true)"))


def rows(op: Operations, table: str, columns: dict[str, Any]) -> Iterator[sa.Row[Any]]:
    """Every row's id and these columns, by id; what the caller changes meanwhile does not disturb it."""
    for page in _pages(op, table, columns):
        yield from page


def rewrite(
    op: Operations,
    table: str,
    anew: Callable[[dict[str, Any]], dict[str, Any]],
    *texts: str,
    uuids: tuple[str, ...] = (),
    json: tuple[str, ...] = (),
) -> list[UUID]:
    """Stores `anew(row)`, the columns that a row should hold, wherever that is something else; the ids of these rows."""
    types: dict[str, Any] = {**dict.fromkeys(texts, sa.Text()), **dict.fromkeys(uuids, sa.Uuid())}
    types |= dict.fromkeys(json, JSONB(none_as_null=True))
    t = _table(table, types)
    update = (
        sa.update(t).where(t.c.id == sa.bindparam("of")).values({name: sa.bindparam(f"new_{name}") for name in types})
    )
    changed: list[UUID] = []
    for page in _pages(op, table, types):
        now = {row.id: row._asdict() for row in page}
        wanted = {id: {**row, **anew(row)} for id, row in now.items()}
        different = {id: row for id, row in wanted.items() if row != now[id]}
        if different:
            new = [{"of": id} | {f"new_{name}": row[name] for name in types} for id, row in different.items()]
            op.get_bind().execute(update, new)
        changed += different
    return changed


def _table(name: str, columns: dict[str, Any]) -> sa.TableClause:
    return sa.table(name, sa.column("id", sa.Uuid()), *(sa.column(each, type) for each, type in columns.items()))


def _pages(op: Operations, table: str, columns: dict[str, Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    t, last = _table(table, columns), UUID(int=0)
    while page := op.get_bind().execute(sa.select(t).where(t.c.id > last).order_by(t.c.id).limit(PAGE)).all():
        yield page
        last = page[-1].id


def set_timer(op: Operations, aggregate: str, id: UUID, kind: str) -> None:
    """The service does the rest when it has started: what only its own code can say is told by a timer that is due at once."""
    op.get_bind().execute(
        sa.text(
            "INSERT INTO timers (aggregate, aggregate_id, kind, due_at) VALUES (:aggregate, :id, :kind, app_now())"
            " ON CONFLICT DO NOTHING"
        ),
        {"aggregate": aggregate, "id": id, "kind": kind},
    )


def leave_out(op: Operations, table: str, column: str, *paths: str) -> None:
    """What stood at these paths (`site.name`) of a JSON column stands there no more."""
    gone = "".join(f" #- '{{{path.replace('.', ',')}}}'" for path in paths)
    op.get_bind().exec_driver_sql(
        f"UPDATE {table} SET {column} = {column}{gone} WHERE {column} IS DISTINCT FROM {column}{gone}"
    )


def tell_states(op: Operations, topic: str, type: str, table: str, data: str) -> None:
    """What every row of this table says by now on a state topic; `data` is SQL for its JSON object. Through the outbox as everything else."""
    about = f"SELECT '{topic}', id, '{type}', account_id, revision + 1"
    op.get_bind().exec_driver_sql(
        f"INSERT INTO states (topic, key, type, account_id, version, data) {about}, convert_to(({data})::text, 'UTF8') FROM {table};"
        " INSERT INTO outbox (topic, key, event_id, type, subject, account_id, version, actor, time)"
        " SELECT topic, key, gen_random_uuid(), type, key, account_id, version, 'system:migration', app_now()"
        f" FROM states WHERE type = '{type}'"
    )


def remove_record(op: Operations, topic: str, type: str, *, key: UUID, account_id: UUID | None, version: int) -> None:
    """Null at this key of a state topic, through the outbox as everything else."""
    op.get_bind().execute(
        sa.text(
            "INSERT INTO outbox (topic, key, event_id, type, subject, account_id, version, actor, time)"
            " VALUES (:topic, :key, gen_random_uuid(), :type, :key, :account_id, :version, 'system:migration', app_now())"
        ),
        {"topic": topic, "key": key, "type": type, "account_id": account_id, "version": version},
    )
