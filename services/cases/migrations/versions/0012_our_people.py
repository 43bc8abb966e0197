"""A replica of our own people."""

from alembic import op

from libs.store.schema import replica_table

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    replica_table(op, "people", "display_name text", "roles jsonb", "active boolean", "successor_id uuid")


def downgrade() -> None:
    op.drop_table("people")
