"""A work order is found by its number."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("work_orders_number_key", "work_orders", ["number"], unique=True)
