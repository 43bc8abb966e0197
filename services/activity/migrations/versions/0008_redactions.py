"""Which texts were taken out of cases, for one that is heard after that."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE redactions (
        case_id uuid NOT NULL, what text NOT NULL, id uuid NOT NULL, source_id uuid, replacement text,
        PRIMARY KEY (case_id, what, id)
    );
    CREATE INDEX redactions_source_id_idx ON redactions (source_id) WHERE source_id IS NOT NULL;
    """)


def downgrade() -> None:
    op.execute("DROP TABLE redactions")
