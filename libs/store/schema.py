"""The runtime's own tables, for a service's first migration, and the row-level security of the rest.

`install_runtime(op)` and `tenant_table(op, "rmas")` are what migrations call. A change here is a new `runtime/vN.sql` and its
`upgrade_runtime_to_N`, called by a new migration of every service; what a published migration called never changes.
"""

from pathlib import Path
from typing import Protocol

_VERSIONS = Path(__file__).parent / "runtime"


class Operations(Protocol):
    def execute(self, sqltext: str) -> None: ...


def install_runtime(op: Operations) -> None:
    """Everything the runtime needs in a service's database: version 1."""
    _run(op, 1)


def upgrade_runtime_to_2(op: Operations) -> None:
    """Reference data, and beginnings that take one round trip."""
    _run(op, 2)
    reference_table(op, "policies")


def upgrade_runtime_to_3(op: Operations) -> None:
    """Calls to the outside: whom each calls, and the outcome until it is recorded."""
    _run(op, 3)


def upgrade_runtime_to_4(op: Operations) -> None:
    """The versions consumed by kind and id, dead letters that are an alarm, and what consumers say of themselves."""
    _run(op, 4)


def upgrade_runtime_to_5(op: Operations) -> None:
    """What is told as state."""
    _run(op, 5)


def upgrade_runtime_to_6(op: Operations) -> None:
    """Calls to many strangers."""
    _run(op, 6)


def _run(op: Operations, version: int) -> None:
    op.execute((_VERSIONS / f"v{version}.sql").read_text(encoding="utf-8"))


def reference_table(op: Operations, table: str) -> None:
    """Every change of this table is a new revision of the reference data: see libs.store.reference.

    The revision is raised as the last thing before the commit, so that nobody waits for its row while holding another's lock.
    """
    op.execute(
        f"CREATE CONSTRAINT TRIGGER reference AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reference_changed();"
        f"CREATE TRIGGER reference_emptied AFTER TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION reference_changed()"
    )


def tenant_table(op: Operations, table: str, column: str = "account_id") -> None:
    """Rows of `table` are seen and written by their own account's principals, by staff and by workers; by nobody else."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} USING (current_setting('polyplus.scope', true) = 'tenant' AND {column} = "
        "ANY (string_to_array(nullif(current_setting('polyplus.accounts', true), ''), ',')::uuid[]))"
    )
    op.execute(f"CREATE POLICY staff ON {table} USING (current_setting('polyplus.scope', true) = 'staff')")
    op.execute(f"CREATE POLICY worker ON {table} USING (current_setting('polyplus.scope', true) = 'worker')")


def add_updated_at(op: Operations, table: str, *leading: str) -> None:
    """When each row was last changed, with the indexes of its order: of all rows, and of those with one value of each column.

    Rows that are there get the time of the migration. It is said once, so that none of them is written anew.
    """
    op.execute(
        f"DO $$ BEGIN EXECUTE format('ALTER TABLE {table} ADD updated_at timestamptz NOT NULL DEFAULT %L', app_now()); END $$;"
        f"ALTER TABLE {table} ALTER updated_at SET DEFAULT app_now()"
    )
    for columns in (("updated_at", "id"), *((each, "updated_at", "id") for each in leading)):
        op.execute(f"CREATE INDEX {table}_{'_'.join(columns)}_idx ON {table} ({', '.join(columns)})")


def replica_table(op: Operations, table: str, *columns: str) -> None:
    """A table for what another service tells as state (libs/bus/replicas.py): the columns, each of which may be null, among them the
    account's where the state has one; then its own principals alone see the row, and everybody one that is gone."""
    own = "id uuid PRIMARY KEY, version bigint NOT NULL, revision bigint NOT NULL, gone boolean NOT NULL"
    op.execute(f"CREATE TABLE {table} ({', '.join((own, *columns))})")
    if "account_id uuid" in columns:
        tenant_table(op, table)
        show_who_is_gone(op, table)


def show_who_is_gone(op: Operations, table: str) -> None:
    """Of a replica's row that is gone the account is gone too, and only the id is left: whoever has it reads that somebody is forgotten,
    not that they are still to come."""
    op.execute(f"DROP POLICY IF EXISTS gone ON {table}; CREATE POLICY gone ON {table} FOR SELECT USING (gone)")


def number_sequence(op: Operations, prefix: str) -> None:
    """The sequence behind `tx.next_number(prefix)`."""
    op.execute(f"CREATE SEQUENCE {prefix.lower()}_numbers CACHE 1")
