"""A customer who owes us an answer is reminded, and in the end the case resolves: also where they were asked before."""

from alembic import op

from libs.store.rewriting import see_all_rows

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


WATCH = """
INSERT INTO timers (aggregate, aggregate_id, kind, due_at)
SELECT 'Case', id, 'silence', app_now() FROM cases
 WHERE state = 'pending' AND waits @? '$[*] ? (@.kind == "customer" && @.ended_at == null)'
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    see_all_rows(op)
    op.get_bind().exec_driver_sql(WATCH)


def downgrade() -> None:
    op.execute("DELETE FROM timers WHERE aggregate = 'Case' AND kind = 'silence'")
