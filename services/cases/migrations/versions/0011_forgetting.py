"""A contact is forgotten: whose name was typed may have none any more."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE cases ALTER reporter_name DROP NOT NULL;
    ALTER TABLE notes ALTER author_name DROP NOT NULL;
    CREATE INDEX cases_contact_id_state_idx ON cases (contact_id, state);
    """)
