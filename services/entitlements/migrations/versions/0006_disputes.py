"""Units that two registrations claim are marked, and a replacement knows whose it is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.schema import tenant_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("registrations", "registered_serials"):
        op.add_column(table, sa.Column("disputed_at", postgresql.TIMESTAMP(timezone=True), nullable=True))
    op.add_column("replacements", sa.Column("account_id", sa.Uuid(), nullable=True))
    tenant_table(op, "replacements")
