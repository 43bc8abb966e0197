"""Accounts, sites and contacts are found by the words of their names, without diacritics."""

from alembic import op

from libs.store.schema import tenant_table

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# As libs.kit.text.fold: letters without marks, then lower case.
NAME_WORDS = r"""
CREATE TABLE name_words (
    kind text NOT NULL, word text NOT NULL, id uuid NOT NULL, account_id uuid NOT NULL, PRIMARY KEY (kind, word, id)
);
CREATE INDEX name_words_id_idx ON name_words (id);
CREATE FUNCTION words_of(name text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT DISTINCT word FROM regexp_split_to_table(lower(translate(regexp_replace(
        normalize(name, NFD), '[\u0300-\u036f]', '', 'g'), 'Đđ', 'dd')), '[^[:alnum:]]+') word WHERE word <> ''
$$;
CREATE FUNCTION keep_name_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account uuid;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM name_words WHERE id = OLD.id AND kind = TG_TABLE_NAME;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        account := CASE WHEN TG_TABLE_NAME = 'accounts' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'account_id')::uuid END;
        INSERT INTO name_words SELECT TG_TABLE_NAME, word, NEW.id, account FROM words_of(NEW.name) word;
    END IF;
    RETURN NULL;
END $$;
"""
NAMED = ("accounts", "sites", "contacts")


def upgrade() -> None:
    op.execute("SET LOCAL polyplus.scope = 'worker'")  # the owner too is held to the policies of rows
    op.execute(NAME_WORDS)
    for table in NAMED:
        account = "id" if table == "accounts" else "account_id"
        op.execute(f"INSERT INTO name_words SELECT '{table}', word, id, {account} FROM {table}, words_of(name) word")
        op.execute(
            f"CREATE TRIGGER name_given AFTER INSERT OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION keep_name_words()"
        )
        op.execute(
            f"CREATE TRIGGER name_changed AFTER UPDATE ON {table} FOR EACH ROW WHEN (OLD.name <> NEW.name) "
            "EXECUTE FUNCTION keep_name_words()"
        )
    tenant_table(op, "name_words")
