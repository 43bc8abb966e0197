"""What a depot waits for is found without a look at all that it ever sent."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = ["depot_id", "return_state", "created_at", "id"]
    op.create_index("rmas_depot_id_return_state_created_at_id_idx", "rmas", columns)


def downgrade() -> None:
    op.drop_index("rmas_depot_id_return_state_created_at_id_idx")
