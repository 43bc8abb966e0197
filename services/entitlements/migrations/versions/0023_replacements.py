"""Whether a unit has taken another one's place is found by its serial."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("replacements_new_serial_idx", "replacements", ["new_serial"])


def downgrade() -> None:
    op.drop_index("replacements_new_serial_idx")
