"""How many corrections of its case the decision knows of, by which an RMA goes."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE rmas ADD corrections bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE rmas DROP corrections")
