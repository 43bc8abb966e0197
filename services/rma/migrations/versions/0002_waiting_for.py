"""What an RMA that is only requested waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rmas", sa.Column("waiting_for", sa.Text(), nullable=True))
