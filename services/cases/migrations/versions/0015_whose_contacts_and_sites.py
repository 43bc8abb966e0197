"""Replicas that say whose a contact and a site are."""

from alembic import op

from libs.store.schema import replica_table

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("contacts", "sites"):
        replica_table(op, table, "account_id uuid")


def downgrade() -> None:
    for table in ("contacts", "sites"):
        op.drop_table(table)
