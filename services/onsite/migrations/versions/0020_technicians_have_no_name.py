"""A technician who is one of our people has no name and address of their own; the replica has what the list is sorted and searched by.

Who has both the telephone number and the name of one of our technicians, and of one alone, is that person. The others keep what was typed,
and show it, until a manager says who it is (`PATCH /v1/technicians/{id} {person_id}`).
"""

from typing import Any

from alembic import op

from libs.kit.names import LONGEST, words_of
from libs.kit.text import sort_key
from libs.store.rewriting import rewrite, see_all_rows

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_FOUND = """
UPDATE technicians t SET person_id = found.person_id
  FROM (SELECT t.id, p.id AS person_id, count(*) OVER (PARTITION BY t.id) AS people, count(*) OVER (PARTITION BY p.id) AS technicians
          FROM technicians t
          JOIN people p ON regexp_replace(p.phone, '[^0-9]', '', 'g') = regexp_replace(t.phone, '[^0-9]', '', 'g')
                       AND lower(p.display_name) = lower(t.name)
         WHERE t.person_id IS NULL AND p.active AND p.roles @> '["technician"]'
           AND p.id NOT IN (SELECT person_id FROM technicians WHERE person_id IS NOT NULL)) found
 WHERE t.id = found.id AND (found.people, found.technicians) = (1, 1);
"""
_CLEARED = """
UPDATE appointments a SET person_id = t.person_id, technician_name = NULL
  FROM technicians t WHERE t.id = a.technician_id AND t.person_id IS NOT NULL AND a.technician_name IS NOT NULL;
UPDATE technicians SET name = '', email = NULL, phone = NULL, sort_key = '', words = '' WHERE person_id IS NOT NULL;
"""


def upgrade() -> None:
    see_all_rows(op)
    op.execute('ALTER TABLE people ADD sort_key text COLLATE "C", ADD words text COLLATE "C"')
    rewrite(op, "people", _keys, "display_name", "sort_key", "words")
    op.execute(_FOUND)
    op.execute(_CLEARED)


def _keys(person: dict[str, Any]) -> dict[str, Any]:
    name = person["display_name"]
    return {} if name is None else {"sort_key": sort_key(name)[:LONGEST], "words": words_of(name)}
