"""Every filter that a list offers has its index, in the order of the list."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("work_orders_opened_at_id_idx", "work_orders", ["opened_at", "id"])
    op.create_index("work_orders_account_id_opened_at_id_idx", "work_orders", ["account_id", "opened_at", "id"])
    op.create_index("work_orders_state_opened_at_id_idx", "work_orders", ["state", "opened_at", "id"])
    op.create_index("appointments_starts_id_idx", "appointments", ["starts", "id"])
    op.create_index("appointments_technician_id_starts_id_idx", "appointments", ["technician_id", "starts", "id"])
    op.create_index("appointments_account_id_starts_id_idx", "appointments", ["account_id", "starts", "id"])
    op.create_index("appointments_state_starts_id_idx", "appointments", ["state", "starts", "id"])
    op.create_index("day_plans_created_at_id_idx", "day_plans", ["created_at", "id"])
    op.create_index("day_plans_day_created_at_id_idx", "day_plans", ["day", "created_at", "id"])
    op.drop_index("work_orders_account_id_idx")
    op.drop_index("appointments_technician_id_starts_idx")
    op.drop_index("appointments_account_id_idx")
    op.drop_index("day_plans_day_idx")
