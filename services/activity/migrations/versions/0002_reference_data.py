"""The reference data of activity, kept in memory until it changes."""

from alembic import op

from libs.store.schema import upgrade_runtime_to_2

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_2(op)
