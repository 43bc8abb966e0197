"""A replica of our own people."""

from alembic import op

from libs.store.schema import replica_table

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    addresses = ("name text", "email text", "phone text", "language text")
    replica_table(op, "people", *addresses, "roles jsonb", "active boolean", "successor_id uuid")


def downgrade() -> None:
    op.drop_table("people")
