"""What is for a contact, or signed by somebody, is found by a column: under row-level security no index on JSON is used.

The columns are PostgreSQL's own to fill, so the release before works on. Each table is written anew: 100,000 rows take some seconds, in
which nobody reads them.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE appointments
      ADD signer_id text GENERATED ALWAYS AS (sign_offs -> 'customer' ->> 'contact_id') STORED,
      ADD supporter text GENERATED ALWAYS AS (
        CASE WHEN sign_offs -> 'support' ->> 'name' IS NOT NULL THEN sign_offs -> 'support' ->> 'by' END) STORED;
    ALTER TABLE case_files ADD contact_id text GENERATED ALWAYS AS (coverage -> 'contact' ->> 'contact_id') STORED;
    DROP INDEX appointments_signer_idx;
    DROP INDEX case_files_contact_idx;
    CREATE INDEX appointments_signer_id_idx ON appointments (signer_id) WHERE signer_id IS NOT NULL;
    CREATE INDEX appointments_supporter_idx ON appointments (supporter) WHERE supporter IS NOT NULL;
    CREATE INDEX case_files_contact_id_idx ON case_files (contact_id) WHERE contact_id IS NOT NULL;
    """)
