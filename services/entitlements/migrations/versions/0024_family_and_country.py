"""A registration's record says the family of its unit, a site's the country: both are told again."""

from alembic import op

from libs.store.rewriting import see_all_rows

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    op.execute("UPDATE sites SET revision = revision + 1")
    op.execute(
        "UPDATE states s SET version = sites.revision + 1, data = convert_to((convert_from(s.data, 'UTF8')::jsonb"
        " || jsonb_build_object('country', sites.country))::text, 'UTF8')"
        " FROM sites WHERE s.key = sites.id AND s.type = 'polyplus.entitlements.site.v1' AND s.data IS NOT NULL"
    )
    op.execute(
        "INSERT INTO outbox (topic, key, event_id, type, subject, account_id, version, actor, time)"
        " SELECT topic, key, gen_random_uuid(), type, key, account_id, version, 'system:migration', app_now()"
        " FROM states WHERE type = 'polyplus.entitlements.site.v1' AND data IS NOT NULL"
    )
    op.execute(
        "INSERT INTO timers (aggregate, aggregate_id, kind, due_at)"
        " SELECT DISTINCT 'Account', account_id, 'publish_registrations', app_now() FROM registered_serials"
        " ON CONFLICT (aggregate_id, kind) DO NOTHING"
    )


def downgrade() -> None:
    """Told is told."""
