"""What ended the trouble, as a code of a kept list. A case of before has none, and the release before leaves it out."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD closing_code text")
    op.execute(
        "CREATE INDEX cases_closing_code_opened_at_id_idx ON cases (closing_code, opened_at, id)"
        " WHERE closing_code IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE cases DROP closing_code")
