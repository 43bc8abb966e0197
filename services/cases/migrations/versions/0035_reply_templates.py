"""Replies that are written once; and how a contact is called, which rows of before learn when the replica is rebuilt."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reply_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text_vi", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sort_key", sa.Text(collation="C"), nullable=False, server_default=""),
        sa.Column("words", sa.Text(collation="C"), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reply_templates_name_key", "reply_templates", ["name"], unique=True)
    op.create_index("reply_templates_sort_key_id_idx", "reply_templates", ["sort_key", "id"])
    op.execute("ALTER TABLE contacts ADD name text")


def downgrade() -> None:
    op.execute("ALTER TABLE contacts DROP name")
    op.drop_table("reply_templates")
