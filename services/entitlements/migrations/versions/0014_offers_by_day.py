"""Offers are listed by their last day, so that those that are valid are one end of the list."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("offers_account_id_valid_until_id_idx", "offers", ["account_id", "valid_until", "id"])
    op.create_index("offers_valid_until_id_idx", "offers", ["valid_until", "id"])
    op.drop_index("offers_account_id_id_idx")
    op.drop_index("offers_valid_until_idx")
