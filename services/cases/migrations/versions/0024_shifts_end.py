"""Each queue knows the end of the shift whose open cases were told last, and looks at its duty from now on."""

from alembic import op

from libs.store.rewriting import see_all_rows

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

WATCH = """
INSERT INTO timers (aggregate, aggregate_id, kind, due_at) SELECT 'Queue', id, 'duty', app_now() FROM queues WHERE active
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.execute("ALTER TABLE queues ADD told_end timestamptz")
    see_all_rows(op)
    op.get_bind().exec_driver_sql(WATCH)


def downgrade() -> None:
    op.execute("DELETE FROM timers WHERE aggregate = 'Queue' AND kind = 'duty'")
    op.execute("ALTER TABLE queues DROP told_end")
