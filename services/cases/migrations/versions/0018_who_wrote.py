"""What somebody opened or wrote under a name is found by who it was."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE INDEX notes_by_idx ON notes (by) WHERE author_name IS NOT NULL;
    CREATE INDEX cases_opened_by_idx ON cases (opened_by) WHERE contact_id IS NULL AND reporter_name IS NOT NULL;
    """)
