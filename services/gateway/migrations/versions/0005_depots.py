"""A depot's client names all its depots."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE clients ADD COLUMN depots jsonb NOT NULL DEFAULT '[]';
    UPDATE clients SET depots = jsonb_build_array(depot_id) WHERE depot_id IS NOT NULL;
    ALTER TABLE clients ALTER COLUMN depots DROP DEFAULT, DROP COLUMN depot_id;
    """)
