"""Known errors are found by what their texts say, the rare words first, and by the releases that have them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from libs.store.rewriting import rewrite
from services.cases.model.terms import terms_of

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_WORDS = """
    ARRAY(SELECT jsonb_array_elements_text(words)) || CASE jsonb_array_length(product_numbers) WHEN 0 THEN ARRAY['@']
    ELSE ARRAY(SELECT '@' || jsonb_array_elements_text(product_numbers)) END
"""
_ROW = f"""
    id, status IN ('known_error', 'fixed'), {_WORDS}, jsonb_array_length(words), family, release(affected_from),
    CASE WHEN status = 'fixed' THEN release(fix_release) END
"""
_COUNT = """
    INSERT INTO problem_word_counts (word, problems)
    SELECT each, sum(times) FROM ({rows}) said, LATERAL (
        SELECT unnest(words), step UNION ALL VALUES ('', step), ('#', n * step)
    ) counted (each, times)
    GROUP BY each HAVING sum(times) <> 0 ORDER BY each
    ON CONFLICT (word) DO UPDATE SET problems = problem_word_counts.problems + EXCLUDED.problems
"""


def _counted(*steps: tuple[str, int]) -> str:
    rows = (
        f"SELECT {_WORDS} AS words, jsonb_array_length(words) AS n, {step} AS step FROM {table}"
        for table, step in steps
    )
    return _COUNT.format(rows=" UNION ALL ".join(rows))


TABLES = f"""
CREATE FUNCTION release(said text) RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN parts IS NOT NULL THEN parts || array_fill(0, ARRAY[greatest(0, 3 - cardinality(parts))]) END
      FROM (SELECT string_to_array(coalesce(substring(said FROM '\\d{{1,9}}(?:\\.\\d{{1,9}})+'), substring(said FROM '\\d{{1,9}}')), '.')::int[]
            AS parts) read
$$;
CREATE TABLE problem_words (
    problem_id uuid PRIMARY KEY, published boolean NOT NULL, words text[] NOT NULL, n integer NOT NULL, family text,
    affected_from integer[], fixed_in integer[]
);
CREATE TABLE problem_word_counts (word text PRIMARY KEY, problems bigint NOT NULL);
INSERT INTO problem_words SELECT {_ROW} FROM problems;
{_counted(("problems", 1))};
CREATE INDEX problem_words_words_idx ON problem_words USING gin (words);
CREATE FUNCTION keep_problem_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM problem_words USING before WHERE problem_id = before.id;
        {_counted(("before", -1))};
    ELSE
        INSERT INTO problem_words SELECT {_ROW} FROM after
        ON CONFLICT (problem_id) DO UPDATE SET (published, words, n, family, affected_from, fixed_in)
         = (EXCLUDED.published, EXCLUDED.words, EXCLUDED.n, EXCLUDED.family, EXCLUDED.affected_from, EXCLUDED.fixed_in);
        IF TG_OP = 'INSERT' THEN
            {_counted(("after", 1))};
        ELSE
            {_counted(("after", 1), ("before", -1))};
        END IF;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM problem_word_counts WHERE problems = 0 AND word IN (SELECT unnest({_WORDS}) FROM before);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER words_given AFTER INSERT ON problems
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION keep_problem_words();
CREATE TRIGGER words_changed AFTER UPDATE ON problems
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION keep_problem_words();
CREATE TRIGGER words_gone AFTER DELETE ON problems
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION keep_problem_words();
DROP INDEX problems_words_idx;
"""


def upgrade() -> None:
    op.add_column("problems", sa.Column("affected_from", sa.Text(), nullable=True))

    def anew(row: dict[str, Any]) -> dict[str, Any]:
        return {"words": terms_of(row["symptom"], *row["keywords"])}

    rewrite(op, "problems", anew, "symptom", json=("keywords", "words"))
    op.execute(TABLES)
    op.create_index(
        "problems_general_created_at_id_idx",
        "problems",
        ["created_at", "id"],
        postgresql_where=sa.text("product_numbers = '[]'"),
    )


def downgrade() -> None:
    op.execute("""
    CREATE INDEX problems_words_idx ON problems USING gin (words);
    DROP INDEX problems_general_created_at_id_idx;
    DROP TRIGGER words_given ON problems;
    DROP TRIGGER words_changed ON problems;
    DROP TRIGGER words_gone ON problems;
    DROP FUNCTION keep_problem_words;
    DROP TABLE problem_words;
    DROP TABLE problem_word_counts;
    DROP FUNCTION release;
    ALTER TABLE problems DROP affected_from;
    """)
