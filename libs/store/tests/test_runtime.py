"""What the code says of the runtime's tables is what its SQL makes."""

import pytest

from libs.store import Database
from libs.store.metadata import RUNTIME_TABLES
from libs.store.outbox import OutboxRow
from libs.store.runtime import columns
from libs.store.tests.goods import WORKER

WRITTEN = {
    "outbox": columns.OUTBOX,
    "timers": columns.TIMERS,
    "jobs": columns.JOBS,
    "dead_letters": columns.DEAD_LETTERS,
    "idempotency_keys": columns.IDEMPOTENCY_KEYS,
}
_COLUMNS = """
SELECT attname, replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz') AS kind,
       attnotnull AND NOT atthasdef AND attidentity = '' AS needed
  FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
"""


@pytest.mark.parametrize("table", WRITTEN)
async def test_columns_written_by_name_are_there_of_this_type_and_none_is_left_out(
    database: Database, table: str
) -> None:
    async with database.transaction(WORKER) as tx:
        found = await tx.connection.fetch(_COLUMNS, table)
    assert set(WRITTEN[table]) <= {(row["attname"], row["kind"]) for row in found}
    assert {row["attname"] for row in found if row["needed"]} <= set(columns.names(WRITTEN[table]))


def test_an_outbox_row_has_its_values_in_the_order_of_the_columns() -> None:
    assert OutboxRow._fields == columns.names(columns.OUTBOX)


async def test_the_runtimes_tables_are_those_that_no_service_may_change(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        found = await tx.connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND relname <> 'crates'"
        )
    assert {row["relname"] for row in found} == RUNTIME_TABLES
