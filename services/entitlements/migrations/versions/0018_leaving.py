"""A contact leaves, and another one takes over what names it."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE contacts ADD active boolean NOT NULL DEFAULT true, ADD successor_id uuid,
                         ADD history jsonb NOT NULL DEFAULT '[]';
    CREATE INDEX sites_contact_id_idx ON sites (contact_id);
    CREATE INDEX registrations_contact_id_idx ON registrations (contact_id);
    """)
