"""A technician names the person that it is; a visit of who has one keeps no name."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE technicians ADD person_id uuid;
    CREATE UNIQUE INDEX technicians_person_id_key ON technicians (person_id);
    ALTER TABLE appointments ADD person_id uuid, ALTER technician_name DROP NOT NULL;
    """)
