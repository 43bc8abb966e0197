"""Every filter that a list offers has its index, in the order of the list."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("rmas_serial_created_at_id_idx", "rmas", ["serial", "created_at", "id"])
    op.create_index("rmas_part_number_created_at_id_idx", "rmas", ["part_number", "created_at", "id"])
    op.create_index("rmas_account_id_created_at_id_idx", "rmas", ["account_id", "created_at", "id"])
    op.create_index("rmas_state_created_at_id_idx", "rmas", ["state", "created_at", "id"])
    op.create_index("rmas_return_state_created_at_id_idx", "rmas", ["return_state", "created_at", "id"])
    op.create_index("rmas_depot_id_created_at_id_idx", "rmas", ["depot_id", "created_at", "id"])
    op.create_index("rmas_depot_id_state_created_at_id_idx", "rmas", ["depot_id", "state", "created_at", "id"])
    op.create_index("stock_part_number_id_idx", "stock", ["part_number", "id"])
    op.create_index("stock_movements_stock_id_id_idx", "stock_movements", ["stock_id", "id"])
    op.create_index(
        "stock_below_reorder_point_idx",
        "stock",
        ["part_number", "id"],
        postgresql_where=sa.text("on_hand - reserved < reorder_point"),
    )
    op.drop_index("rmas_depot_id_idx")
    op.drop_index("stock_part_number_idx")
    op.drop_index("stock_movements_stock_id_at_idx")
