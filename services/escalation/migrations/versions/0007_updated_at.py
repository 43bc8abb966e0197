"""When each escalation was last changed.

The service is stopped before: what the version before writes afterwards keeps its time.
"""

from alembic import op

from libs.store.schema import add_updated_at

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_updated_at(op, "escalations", "account_id")
