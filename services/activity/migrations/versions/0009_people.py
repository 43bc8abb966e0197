"""Replicas of our people and of the customers', so that a timeline can say who did something."""

from alembic import op

from libs.store.schema import replica_table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    replica_table(op, "people", "name text", "display_name text")
    replica_table(op, "contacts", "account_id uuid", "name text")
    # Who is gone has no account any more: that they are may everybody know who has the id.
    op.execute("""
    CREATE FUNCTION contacts_gone(wanted uuid[]) RETURNS TABLE (id uuid) LANGUAGE plpgsql AS $$
    DECLARE
        scope text := current_setting('polyplus.scope', true);
    BEGIN
        PERFORM set_config('polyplus.scope', 'worker', true);
        RETURN QUERY SELECT c.id FROM contacts c WHERE c.id = ANY (wanted) AND c.gone;
        PERFORM set_config('polyplus.scope', scope, true);
    END $$;
    """)


def downgrade() -> None:
    op.execute("DROP FUNCTION contacts_gone; DROP TABLE contacts, people")
