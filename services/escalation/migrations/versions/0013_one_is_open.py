"""A case has one open escalation, and what else calls for one joins it. Of rows of before the others join the one that somebody holds,
else that calls, else that was first: their reasons and experts are its own from now on, and they are over.

That they are over is told by a timer, since only the service's own code can tell a fact.
"""

import json
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.rewriting import see_all_rows, set_timer

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OPEN = """
SELECT id, case_id, number, reason, explanation, breach_id, raised_by AS by, raised_at AS at, experts FROM escalations
 WHERE state <> 'resolved'
 ORDER BY case_id, array_position(ARRAY['acknowledged', 'handed_over', 'triggered', 'unanswered'], state), raised_at, id
"""
_COLLECTS = """
UPDATE escalations SET joined = CAST(:joined AS jsonb), experts = CAST(:experts AS jsonb), revision = revision + 1, updated_at = app_now()
 WHERE id = :id
"""
_IS_OVER = """
UPDATE escalations SET state = 'resolved', resolution = :why, resolved_at = app_now(), next_step_at = NULL,
       history = history || jsonb_build_array(jsonb_build_object(
           'state', 'resolved', 'at', app_now(), 'by', 'system:escalation', 'reason', CAST(:why AS text))),
       revision = revision + 1, updated_at = app_now()
 WHERE id = :id
"""
_CALLS_NOBODY = "DELETE FROM timers WHERE aggregate = 'Escalation' AND aggregate_id = :id"
_CARRIES_LESS = "UPDATE experts SET load = greatest(0, load - 1) WHERE id = CAST(:id AS uuid)"


def upgrade() -> None:
    op.add_column("escalations", sa.Column("joined", postgresql.JSONB(), server_default="[]", nullable=False))
    see_all_rows(op)
    found = op.get_bind().execute(sa.text(_OPEN)).all()
    for _, of_case in groupby(found, key=lambda row: row.case_id):
        kept, *others = of_case
        if others:
            _join(kept, others)
    open_ones = sa.text("state <> 'resolved'")
    op.create_index("escalations_case_id_open_key", "escalations", ["case_id"], unique=True, postgresql_where=open_ones)


def _join(kept: sa.Row[Any], others: list[sa.Row[Any]]) -> None:
    bind, experts, joined = op.get_bind(), list(kept.experts), []
    for other in sorted(others, key=lambda row: (row.at, row.id)):
        joined.append(
            {
                "reason": other.reason,
                "explanation": other.explanation,
                "breach_id": other.breach_id and str(other.breach_id),
                "by": other.by,
                "at": other.at.isoformat(),
            }
        )
        for engagement in other.experts:
            if any(each["expert_id"] == engagement["expert_id"] for each in experts):
                bind.execute(sa.text(_CARRIES_LESS), {"id": engagement["expert_id"]})
            else:
                experts.append(engagement)
        bind.execute(
            sa.text(_IS_OVER), {"id": other.id, "why": f"It joined {kept.number}, which is open for the same case."}
        )
        bind.execute(sa.text(_CALLS_NOBODY), {"id": other.id})
        set_timer(op, "Escalation", other.id, "joined")
    values = {"id": kept.id, "joined": json.dumps(joined), "experts": json.dumps(experts)}
    bind.execute(sa.text(_COLLECTS), values)
