"""Since when whoever has a case has it; of cases that were given before nobody says."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD assigned_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE cases DROP assigned_at")
