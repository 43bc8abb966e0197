"""Tags of cases, and a table by which they are found. A case of before has none; the release before leaves them as they are."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TAGS = """
ALTER TABLE cases ADD tags jsonb NOT NULL DEFAULT '[]';
CREATE TABLE case_tags (
    case_id uuid NOT NULL, tag text NOT NULL, opened_at timestamptz NOT NULL, PRIMARY KEY (case_id, tag)
);
CREATE INDEX case_tags_tag_opened_at_case_id_idx ON case_tags (tag, opened_at, case_id);
CREATE FUNCTION keep_case_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM case_tags WHERE case_id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO case_tags
        SELECT DISTINCT NEW.id, each, NEW.opened_at FROM jsonb_array_elements_text(NEW.tags) each;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tags_given AFTER INSERT ON cases FOR EACH ROW WHEN (NEW.tags <> '[]') EXECUTE FUNCTION keep_case_tags();
CREATE TRIGGER tags_changed AFTER UPDATE ON cases
    FOR EACH ROW WHEN (OLD.tags <> NEW.tags OR OLD.opened_at <> NEW.opened_at)
    EXECUTE FUNCTION keep_case_tags();
CREATE TRIGGER tags_gone AFTER DELETE ON cases FOR EACH ROW WHEN (OLD.tags <> '[]') EXECUTE FUNCTION keep_case_tags();
"""


def upgrade() -> None:
    op.execute(TAGS)


def downgrade() -> None:
    for trigger in ("given", "changed", "gone"):
        op.execute(f"DROP TRIGGER tags_{trigger} ON cases")
    op.execute("DROP FUNCTION keep_case_tags")
    op.drop_table("case_tags")
    op.execute("ALTER TABLE cases DROP tags")
