"""Our credentials were refused: since when, and what waits for it. The parameter of a partner's search, and its pages of tickets."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE partners ADD search_by text, ADD ticket_page text, ADD credentials_refused_at timestamptz")
    op.execute("ALTER TABLE engagements ADD held jsonb, ADD missed_since timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE engagements DROP held, DROP missed_since")
    op.execute("ALTER TABLE partners DROP credentials_refused_at, DROP search_by, DROP ticket_page")
