"""Mass incidents: of which one a case is part, and which note was told to all of its cases."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases ADD incident_id uuid, ADD is_incident boolean NOT NULL DEFAULT false")
    op.execute(
        "CREATE INDEX cases_incident_id_opened_at_id_idx ON cases (incident_id, opened_at, id) WHERE incident_id IS NOT NULL"
    )
    op.execute("ALTER TABLE notes ADD copy_of uuid")
    op.execute("CREATE INDEX notes_copy_of_idx ON notes (copy_of) WHERE copy_of IS NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE notes DROP copy_of")
    op.execute("ALTER TABLE cases DROP incident_id, DROP is_incident")
