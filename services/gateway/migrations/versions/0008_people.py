"""Our own people, and clients that act for one of them."""

from alembic import op

from libs.store.schema import add_updated_at

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE people (
        id uuid PRIMARY KEY, version bigint NOT NULL, revision bigint NOT NULL,
        name text NOT NULL, display_name text NOT NULL, email text, phone text, language text NOT NULL, time_zone text NOT NULL,
        roles jsonb NOT NULL, active boolean NOT NULL, successor_id uuid, erased_at timestamptz, created_at timestamptz NOT NULL,
        history jsonb NOT NULL, sort_key text COLLATE "C" NOT NULL DEFAULT '', words text COLLATE "C" NOT NULL DEFAULT ''
    );
    CREATE UNIQUE INDEX people_email_key ON people (lower(email));
    CREATE INDEX people_roles_idx ON people USING gin (roles);
    CREATE INDEX people_sort_key_id_idx ON people (sort_key, id);
    CREATE INDEX people_active_id_idx ON people (active, id);
    CREATE INDEX people_active_sort_key_id_idx ON people (active, sort_key, id);
    """)
    add_updated_at(op, "people", "active")
    # Of no account, so a tenant's caller sees none of them but by this function.
    op.execute("""
    ALTER TABLE people ENABLE ROW LEVEL SECURITY;
    ALTER TABLE people FORCE ROW LEVEL SECURITY;
    CREATE POLICY staff ON people USING (current_setting('polyplus.scope', true) = 'staff');
    CREATE POLICY worker ON people USING (current_setting('polyplus.scope', true) = 'worker');
    CREATE FUNCTION names_of(wanted uuid[]) RETURNS TABLE (id uuid, name text, display_name text, erased boolean)
    LANGUAGE plpgsql AS $$
    DECLARE
        scope text := current_setting('polyplus.scope', true);
    BEGIN
        PERFORM set_config('polyplus.scope', 'worker', true);
        RETURN QUERY SELECT p.id, p.name, p.display_name, p.erased_at IS NOT NULL FROM people p WHERE p.id = ANY (wanted);
        PERFORM set_config('polyplus.scope', scope, true);
    END $$;
    ALTER TABLE clients ADD person_id uuid;
    """)
