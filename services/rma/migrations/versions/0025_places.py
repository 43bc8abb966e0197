"""The business days of places are kept by entitlements, and known here as it tells them. What `calendars` holds is depots'."""

from alembic import op

from libs.store.schema import reference_table, replica_table

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    days = ("holidays_country text", "holidays_subdivision text", "closed jsonb", "working jsonb")
    replica_table(op, "place_calendars", "country text", "region text", "windows jsonb", *days)
    reference_table(op, "place_calendars")
    place = ("city text", "region text", "country text", "time_zone text")
    replica_table(op, "site_days", "account_id uuid", *place, "opening_hours jsonb", "closed jsonb")


def downgrade() -> None:
    op.execute("DROP TABLE site_days; DROP TABLE place_calendars")
