"""Into which case a duplicate was merged, and since when that one is heard of."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD merged_into uuid, ADD first_opened_at timestamptz")
    op.execute("CREATE INDEX cases_merged_into_idx ON cases (merged_into) WHERE merged_into IS NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE cases DROP merged_into, DROP first_opened_at")
