"""What of a case was corrected: its cover is decided for that."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE case_files ADD corrected jsonb, ADD corrections bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE case_files DROP corrections, DROP corrected")
