"""A contact is forgotten: no name any more, and no words of it to be found by."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE contacts ADD erased_at timestamptz, ALTER name DROP NOT NULL;
    DROP TRIGGER name_changed ON contacts;
    CREATE TRIGGER name_changed AFTER UPDATE ON contacts FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name)
        EXECUTE FUNCTION keep_name_words();
    """)
