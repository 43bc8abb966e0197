"""When each case and each problem was last changed.

The service is stopped before: what the version before writes afterwards keeps its time.
"""

from alembic import op

from libs.store.schema import add_updated_at

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_updated_at(op, "cases", "account_id")
    add_updated_at(op, "problems", "status")
