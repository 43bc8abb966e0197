"""What is for a contact, or signed by one, is found by the contact."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE INDEX case_files_contact_idx ON case_files ((coverage -> 'contact' ->> 'contact_id'));
    CREATE INDEX appointments_signer_idx ON appointments ((sign_offs -> 'customer' ->> 'contact_id'));
    """)
