"""Every filter that a list offers has its index, in the order of the list."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("escalations_raised_at_id_idx", "escalations", ["raised_at", "id"])
    op.create_index("escalations_account_id_raised_at_id_idx", "escalations", ["account_id", "raised_at", "id"])
    op.create_index("escalations_state_raised_at_id_idx", "escalations", ["state", "raised_at", "id"])
    op.create_index("escalations_priority_raised_at_id_idx", "escalations", ["priority", "raised_at", "id"])
    due = sa.text("(CASE WHEN due_at IS NULL THEN '9999-01-01 00:00:00+00'::timestamptz ELSE due_at END)")
    for names in ((), ("account_id",), ("kind",), ("state",)):
        op.create_index(f"clocks_{''.join(f'{name}_' for name in names)}due_id_idx", "clocks", [*names, due, "id"])
    op.drop_index("escalations_account_id_idx")
    op.drop_index("escalations_raised_at_idx")
    op.drop_index("clocks_account_id_idx")
