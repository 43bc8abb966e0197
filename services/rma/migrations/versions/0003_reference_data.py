"""The reference data of rma, kept in memory until it changes."""

from alembic import op

from libs.store.schema import reference_table, upgrade_runtime_to_2

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_2(op)
    for table in ("depots", "lanes", "calendars"):
        reference_table(op, table)
