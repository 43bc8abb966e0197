"""Lists of what is to be done: every filter has its index in the order of the list, and what is due first comes first.

The column of the coverage is PostgreSQL's own to fill, so the release before works on. The table is written anew: 100,000 rows take some
seconds, in which nobody reads it.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

DUE = "(CASE WHEN next_due_at IS NULL THEN '9999-01-01 00:00:00+00'::timestamptz ELSE next_due_at END)"


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD coverage_status text GENERATED ALWAYS AS (coverage ->> 'status') STORED")
    op.execute("CREATE INDEX cases_coverage_status_opened_at_id_idx ON cases (coverage_status, opened_at, id)")
    for name in ("site_id", "contact_id", "product_number", "family"):
        columns = f"({name}, opened_at, id) WHERE {name} IS NOT NULL"
        op.execute(f"CREATE INDEX cases_{name}_opened_at_id_idx ON cases {columns}")
    op.execute("CREATE INDEX cases_unassigned_idx ON cases (opened_at, id) WHERE assignee IS NULL")
    op.execute(f"CREATE INDEX cases_due_id_idx ON cases ({DUE}, id)")
    op.execute(f"CREATE INDEX cases_queue_due_id_idx ON cases (queue, {DUE}, id)")
    op.execute(f"CREATE INDEX cases_assignee_due_id_idx ON cases (assignee, {DUE}, id) WHERE assignee IS NOT NULL")


def downgrade() -> None:
    for name in ("site_id", "contact_id", "product_number", "family"):
        op.execute(f"DROP INDEX cases_{name}_opened_at_id_idx")
    for name in ("unassigned", "due_id", "queue_due_id", "assignee_due_id"):
        op.execute(f"DROP INDEX cases_{name}_idx")
    op.execute("ALTER TABLE cases DROP coverage_status")
