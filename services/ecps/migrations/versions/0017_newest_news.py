"""What a partner told last, by its count and by its clock. What was heard before by count alone is taken over."""

from alembic import op

from libs.store.rewriting import see_all_rows

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TAKE_OVER = """
UPDATE engagements SET states_told = jsonb_build_object(
           'counted', jsonb_build_object('word', state, 'at', history -> -1 ->> 'at', 'sequence', sequence))
 WHERE sequence >= 0 AND state IN ('in_progress', 'information_required', 'resolved', 'closed')
"""


def upgrade() -> None:
    op.execute(
        "ALTER TABLE engagements ADD states_told jsonb NOT NULL DEFAULT '{}', ADD statuses_told jsonb NOT NULL DEFAULT '{}'"
    )
    see_all_rows(op)
    op.execute(_TAKE_OVER)


def downgrade() -> None:
    op.execute("ALTER TABLE engagements DROP states_told, DROP statuses_told")
