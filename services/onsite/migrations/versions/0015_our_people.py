"""A replica of our own people."""

from alembic import op

from libs.store.schema import replica_table

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = ("display_name text", "phone text", "roles jsonb", "active boolean", "successor_id uuid")
    replica_table(op, "people", *columns)


def downgrade() -> None:
    op.drop_table("people")
