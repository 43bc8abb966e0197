"""Who follows a case; of contacts it is known whether they are there still, once their topic has been read from its beginning."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.rewriting import see_all_rows
from libs.store.schema import tenant_table

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

READ_ANEW = """
UPDATE contacts SET version = 0 WHERE NOT gone;
UPDATE consumer_offsets SET next = 0 WHERE (consumer, topic) = ('cases', 'entitlements.people');
"""


def upgrade() -> None:
    op.create_table(
        "followers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("added_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("followers_case_id_added_at_idx", "followers", ["case_id", "added_at"])
    for who in ("person_id", "contact_id"):
        there = sa.text(f"{who} IS NOT NULL")
        op.create_index(f"followers_{who}_idx", "followers", [who], postgresql_where=there)
    tenant_table(op, "followers")
    op.execute("ALTER TABLE contacts ADD active boolean")
    see_all_rows(op)
    op.execute(READ_ANEW)


def downgrade() -> None:
    op.drop_table("followers")
    op.execute("ALTER TABLE contacts DROP active")
