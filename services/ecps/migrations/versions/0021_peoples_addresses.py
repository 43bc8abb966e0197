"""Our people's addresses, for the invitations to calls. What is told of them is read once more from the beginning; where code of the
release before is the one that reads it, `polyplus rebuild` mends the rows."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE people ADD email text")
    op.execute("UPDATE people SET version = 0 WHERE NOT gone")
    op.execute("DELETE FROM consumer_offsets WHERE topic = 'gateway.people'")


def downgrade() -> None:
    op.execute("ALTER TABLE people DROP email")
