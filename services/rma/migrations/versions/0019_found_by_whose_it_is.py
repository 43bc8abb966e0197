"""What is for a contact is found by a column: under row-level security no index on JSON is used.

The column is PostgreSQL's own to fill, so the release before works on. The table is written anew: 100,000 rows take some seconds, in which
nobody reads it.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE rmas ADD contact_id text GENERATED ALWAYS AS (contact ->> 'contact_id') STORED;
    DROP INDEX rmas_contact_idx;
    CREATE INDEX rmas_contact_id_idx ON rmas (contact_id) WHERE contact_id IS NOT NULL;
    """)
