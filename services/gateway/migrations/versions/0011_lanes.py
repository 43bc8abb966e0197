"""Calls to many strangers have tables of their own."""

from alembic import op

from libs.store.schema import upgrade_runtime_to_6

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_6(op)


def downgrade() -> None:
    op.execute("DROP TABLE lane_calls, call_lanes")
