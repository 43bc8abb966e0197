"""What is due next on a case, and when: as escalation's clocks tell it."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD clocks jsonb NOT NULL DEFAULT '[]', ADD next_due_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE cases DROP clocks, DROP next_due_at")
