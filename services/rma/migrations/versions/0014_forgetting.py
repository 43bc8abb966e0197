"""What is for a contact is found by the contact."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX rmas_contact_idx ON rmas ((contact ->> 'contact_id'))")
