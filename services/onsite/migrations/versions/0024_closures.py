"""When nobody is at a site, as entitlements tells it."""

from alembic import op

from libs.store.schema import reference_table, replica_table

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    days = ("holidays_country text", "holidays_subdivision text", "closed jsonb", "working jsonb")
    replica_table(op, "place_calendars", "country text", "region text", "windows jsonb", *days)
    reference_table(op, "place_calendars")
    replica_table(op, "site_days", "account_id uuid", "closed jsonb")


def downgrade() -> None:
    op.execute("DROP TABLE site_days; DROP TABLE place_calendars")
