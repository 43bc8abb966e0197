"""What is told as state has a table of its own."""

from alembic import op

from libs.store.schema import upgrade_runtime_to_5

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_5(op)


def downgrade() -> None:
    op.execute("DROP TABLE states")
