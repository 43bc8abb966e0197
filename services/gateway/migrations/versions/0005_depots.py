"""A depot's client names all its depots. `depot_id` stays for code that knows it alone, and goes in a later release."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE clients ADD COLUMN depots jsonb NOT NULL DEFAULT '[]';
    UPDATE clients SET depots = jsonb_build_array(depot_id) WHERE depot_id IS NOT NULL;
    CREATE FUNCTION keep_depots() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was_id uuid; was jsonb := '[]';
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            was_id := OLD.depot_id; was := OLD.depots;
        END IF;
        IF NEW.depots <> was THEN
            NEW.depot_id := (NEW.depots ->> 0)::uuid;
        ELSIF NEW.depot_id IS DISTINCT FROM was_id THEN
            NEW.depots := CASE WHEN NEW.depot_id IS NULL THEN '[]' ELSE jsonb_build_array(NEW.depot_id) END;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER depots_kept BEFORE INSERT OR UPDATE ON clients FOR EACH ROW EXECUTE FUNCTION keep_depots();
    """)
