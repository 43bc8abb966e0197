"""Announcements, and replicas of what says whom they concern: whose units there are, and in which country a site is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.schema import reference_table, replica_table

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_LISTS = ("product_numbers", "families", "countries", "partner_ids", "history")


def upgrade() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "announcements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("title", json, nullable=False),
        sa.Column("text", json, nullable=False),
        *(sa.Column(name, json, nullable=False) for name in _LISTS),
        sa.Column("problem_id", sa.Uuid()),
        sa.Column("case_id", sa.Uuid()),
        sa.Column("observed_impact", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True)),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column(
            "updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("app_now()")
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("announcements_starts_at_id_idx", "announcements", ["starts_at", "id"])
    op.create_index("announcements_updated_at_id_idx", "announcements", ["updated_at", "id"])
    reference_table(op, "announcements")
    op.execute("ALTER TABLE sites ADD country text")
    op.execute("CREATE INDEX sites_account_id_country_idx ON sites (account_id, country)")
    replica_table(op, "units", "account_id uuid", "product_number text", "family text")
    for name in ("product_number", "family"):
        op.create_index(f"units_account_id_{name}_idx", "units", ["account_id", name])


def downgrade() -> None:
    op.drop_table("units")
    op.execute("DROP INDEX sites_account_id_country_idx; ALTER TABLE sites DROP country")
    op.drop_table("announcements")
