"""Calendars of countries and regions, and a site's own closed days: told to whoever plans by them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.rewriting import see_all_rows, tell_states

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "place_calendars",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("edited_by", sa.Text(), nullable=False),
        sa.Column("edited_because", sa.Text(), nullable=False),
        sa.Column("edited_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sort_key", sa.Text(), server_default="", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("place_calendars_country_idx", "place_calendars", ["country"])
    op.create_index("place_calendars_name_key", "place_calendars", ["name"], unique=True)
    op.create_index("place_calendars_sort_key_id_idx", "place_calendars", ["sort_key", "id"])
    see_all_rows(op)
    op.execute("ALTER TABLE sites ADD closed jsonb NOT NULL DEFAULT '[]'")
    tell_states(
        op,
        "entitlements.calendars",
        "polyplus.entitlements.site-days.v1",
        "sites",
        "jsonb_build_object('account_id', account_id, 'city', city, 'region', region, 'country', country,"
        " 'time_zone', time_zone, 'opening_hours', opening_hours)",
    )


def downgrade() -> None:
    op.execute("ALTER TABLE sites DROP closed; DROP TABLE place_calendars")
