"""Of a case's assignee the person's id is kept, and no name; whoever had none is nobody we know."""

from alembic import op

from libs.store.rewriting import see_all_rows

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BY_ID = """
UPDATE case_files SET assignee = jsonb_build_object(
       'person_id', substring(assignee ->> 'subject' FROM '^[a-z]+:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$'),
       'since', assignee -> 'since')
 WHERE assignee ? 'subject'
"""


def upgrade() -> None:
    see_all_rows(op)
    op.execute(_BY_ID)
