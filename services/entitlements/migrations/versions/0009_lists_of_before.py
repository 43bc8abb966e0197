"""The indexes in whose place others have come; in a transaction of its own, for nobody reads a table whose index is dropped."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("contacts", "contracts", "licences", "offers", "registrations", "sites"):
        op.drop_index(f"{table}_account_id_idx")
