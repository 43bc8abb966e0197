"""An escalation that nobody took up is told again and again; those of before that went quiet are told now."""

import sqlalchemy as sa
from alembic import op

from libs.store.rewriting import see_all_rows, set_timer

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Those of code that had no such state yet were left triggered, without a next step.
_QUIET = """
SELECT id, CASE state WHEN 'triggered' THEN 'step' ELSE 'unanswered' END AS timer FROM escalations e
 WHERE state = 'unanswered' OR state = 'triggered' AND NOT EXISTS (
       SELECT FROM timers WHERE aggregate = 'Escalation' AND aggregate_id = e.id AND kind = 'step')
"""


def upgrade() -> None:
    see_all_rows(op)
    for id, timer in op.get_bind().execute(sa.text(_QUIET)).all():
        set_timer(op, "Escalation", id, timer)
