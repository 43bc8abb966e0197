"""When each work order was last changed.

The service is stopped before: what the version before writes afterwards keeps its time.
"""

from alembic import op

from libs.store.schema import add_updated_at

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_updated_at(op, "work_orders", "account_id")
