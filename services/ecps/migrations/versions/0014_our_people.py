"""A replica of our own people: a call keeps by id who joins for us."""

from alembic import op

from libs.store.schema import replica_table

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    replica_table(op, "people", "display_name text", "active boolean")


def downgrade() -> None:
    op.drop_table("people")
