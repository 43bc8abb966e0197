"""An expert is one of our own people, by id, and what was typed of who that is goes; the replica has what a list is sorted and searched by.

Whose address is a person's is that person. The others keep the name that was typed, and show it, until a manager says who it is
(`PATCH /v1/experts/{id} {person_id}`); until then nobody asks them. Places in escalations and acknowledgements name a person's id too.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from libs.kit.names import LONGEST, words_of
from libs.kit.text import sort_key
from libs.store.rewriting import rewrite, see_all_rows

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

Row = dict[str, Any]


def upgrade() -> None:
    see_all_rows(op)
    op.execute('ALTER TABLE people ADD sort_key text COLLATE "C", ADD words text COLLATE "C"')
    rewrite(op, "people", _keys, "name", "sort_key", "words")
    op.execute("""
    ALTER TABLE experts ADD person_id uuid;
    CREATE UNIQUE INDEX experts_person_id_key ON experts (person_id);
    UPDATE experts e SET person_id = p.id, name = '', email = NULL, language = 'en', sort_key = '', words = ''
      FROM (SELECT min(e.id::text)::uuid AS expert_id, p.id FROM experts e JOIN people p ON lower(p.email) = lower(e.email) GROUP BY p.id) p
     WHERE e.id = p.expert_id;
    """)
    persons = {row[0] for row in op.get_bind().execute(sa.text("SELECT id::text FROM people"))}
    found = op.get_bind().execute(sa.text("SELECT id::text, person_id::text FROM experts"))
    experts: dict[str, str | None] = {row[0]: row[1] for row in found}

    def taken(word: Row) -> Row:
        id = word["by"].partition(":")[2]
        return {**word, "person_id": id if id in persons else None}

    def place(engagement: Row) -> Row:
        named = {name: value for name, value in engagement.items() if name != "name"}
        return {**named, "person_id": experts.get(engagement["expert_id"])}

    def escalation(row: Row) -> Row:
        return {name: [anew(each) for each in row[name]] for name, anew in columns.items()}

    columns = {"acknowledgements": taken, "experts": place}
    rewrite(op, "escalations", escalation, json=("acknowledgements", "experts"))


def _keys(person: Row) -> Row:
    name = person["name"]
    return {} if name is None else {"sort_key": sort_key(name)[:LONGEST], "words": words_of(name)}
