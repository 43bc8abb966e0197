"""What of a case was corrected: findings name the right unit and say what was reported."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE case_files ADD corrected jsonb, ADD described jsonb")


def downgrade() -> None:
    op.execute("ALTER TABLE case_files DROP described, DROP corrected")
