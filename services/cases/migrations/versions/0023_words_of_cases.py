"""Cases are found by the words of their texts and notes: each by what its reader may read."""

from typing import Any

from alembic import op

from libs.store.rewriting import rewrite, see_all_rows
from services.cases.model.case_texts import said

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE case_texts (
    case_id uuid PRIMARY KEY, account_id uuid NOT NULL, opened_at timestamptz NOT NULL,
    public_words tsvector NOT NULL, staff_words tsvector NOT NULL
);
CREATE FUNCTION keep_case_text(of uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO case_texts
    SELECT c.id, c.account_id, c.opened_at, said.public_words, said.staff_words FROM cases c, LATERAL (
        SELECT array_to_tsvector(coalesce(array_agg(word) FILTER (WHERE public), '{}')) AS public_words,
               array_to_tsvector(coalesce(array_agg(word), '{}')) AS staff_words
          FROM (
            SELECT word, bool_or(public) AS public FROM (
                SELECT '#' || lower(c.number), true, '-infinity'::timestamptz
                 UNION ALL
                SELECT jsonb_array_elements_text(c.text_words), true, '-infinity'
                 UNION ALL
                SELECT jsonb_array_elements_text(n.text_words), n.visibility = 'public', n.added_at FROM notes n WHERE n.case_id = c.id
            ) each (word, public, at)
             -- What is public is the same whatever we say among ourselves.
             GROUP BY word ORDER BY NOT bool_or(public), coalesce(min(at) FILTER (WHERE public), min(at)), word LIMIT 10000
          ) first
    ) said
     WHERE c.id = of
    ON CONFLICT (case_id) DO UPDATE SET (account_id, opened_at, public_words, staff_words)
     = (EXCLUDED.account_id, EXCLUDED.opened_at, EXCLUDED.public_words, EXCLUDED.staff_words)
$$;
SELECT count(keep_case_text(id)) FROM cases;
"""
READING = """
CREATE INDEX case_texts_public_words_idx ON case_texts USING gin (public_words);
CREATE INDEX case_texts_staff_words_idx ON case_texts USING gin (staff_words);
CREATE INDEX case_texts_opened_at_case_id_idx ON case_texts (opened_at, case_id);
CREATE INDEX case_texts_account_id_opened_at_case_id_idx ON case_texts (account_id, opened_at, case_id);
-- No policy, and not forced: nobody but the owner's functions sees a row, and they use the indexes.
ALTER TABLE case_texts ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION keep_case_texts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM case_texts WHERE case_id = OLD.id;
    ELSIF TG_TABLE_NAME = 'cases' THEN
        PERFORM keep_case_text(NEW.id);
    ELSE
        PERFORM keep_case_text(NEW.case_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER words_given AFTER INSERT ON cases FOR EACH ROW EXECUTE FUNCTION keep_case_texts();
CREATE TRIGGER words_changed AFTER UPDATE ON cases FOR EACH ROW WHEN (OLD.text_words IS DISTINCT FROM NEW.text_words OR OLD.account_id <> NEW.account_id)
    EXECUTE FUNCTION keep_case_texts();
CREATE TRIGGER words_gone AFTER DELETE ON cases FOR EACH ROW EXECUTE FUNCTION keep_case_texts();
CREATE TRIGGER words_given AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION keep_case_texts();
CREATE TRIGGER words_changed AFTER UPDATE ON notes FOR EACH ROW WHEN (OLD.text_words IS DISTINCT FROM NEW.text_words OR OLD.visibility <> NEW.visibility)
    EXECUTE FUNCTION keep_case_texts();
CREATE FUNCTION cases_that_say(
    asked tsquery, only_of uuid[], of_account uuid, since timestamptz, until timestamptz, until_id uuid, most integer
) RETURNS TABLE (id uuid, at timestamptz) LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    scope text := current_setting('polyplus.scope', true);
    accounts uuid[] := only_of;
BEGIN
    -- Whoever the database holds to accounts has those alone; among staff's, whoever the service holds to some.
    IF scope = 'tenant' THEN
        accounts := coalesce(string_to_array(nullif(current_setting('polyplus.accounts', true), ''), ',')::uuid[], '{}');
    ELSIF scope IS DISTINCT FROM 'staff' THEN
        RETURN;
    END IF;
    IF accounts IS NULL THEN
        RETURN QUERY SELECT t.case_id, t.opened_at FROM case_texts t
         WHERE t.staff_words @@ asked AND (of_account IS NULL OR t.account_id = of_account)
           AND (since IS NULL OR t.opened_at >= since) AND (until IS NULL OR (t.opened_at, t.case_id) < (until, until_id))
         ORDER BY t.opened_at DESC, t.case_id DESC LIMIT most;
    ELSE
        RETURN QUERY SELECT t.case_id, t.opened_at FROM case_texts t
         WHERE t.public_words @@ asked AND t.account_id = ANY (accounts) AND (of_account IS NULL OR t.account_id = of_account)
           AND (since IS NULL OR t.opened_at >= since) AND (until IS NULL OR (t.opened_at, t.case_id) < (until, until_id))
         ORDER BY t.opened_at DESC, t.case_id DESC LIMIT most;
    END IF;
END $$;
"""


def upgrade() -> None:
    see_all_rows(op)
    op.execute(
        "ALTER TABLE cases ADD text_words jsonb NOT NULL DEFAULT '[]'; ALTER TABLE notes ADD text_words jsonb NOT NULL DEFAULT '[]'"
    )

    def of_case(row: dict[str, Any]) -> dict[str, Any]:
        resolution = (row["resolution"] or {}).get("text")
        return {"text_words": [*said(row["description"], resolution, label=row["serial"])]}

    rewrite(op, "cases", of_case, "serial", "description", json=("resolution", "text_words"))
    rewrite(op, "notes", lambda row: {"text_words": [*said(row["text"])]}, "text", json=("text_words",))
    op.execute(TABLE)
    op.execute(READING)


def downgrade() -> None:
    op.execute("""
    DROP TRIGGER words_given ON cases;
    DROP TRIGGER words_changed ON cases;
    DROP TRIGGER words_gone ON cases;
    DROP TRIGGER words_given ON notes;
    DROP TRIGGER words_changed ON notes;
    DROP FUNCTION keep_case_texts, keep_case_text, cases_that_say;
    DROP TABLE case_texts;
    ALTER TABLE cases DROP text_words;
    ALTER TABLE notes DROP text_words;
    """)
