"""Who is given cases, in which queue a case waits, and who was proposed for it.

Of a case of before, the queue and the language are known from its next routing or correction on, or by `polyplus rebuild`; whether it waits is
said here.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.rewriting import see_all_rows

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WAITING = """
UPDATE case_files SET waiting = true WHERE EXISTS (
  SELECT FROM jsonb_array_elements(facts) AS began WHERE began ->> 'kind' = 'wait_began' AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(facts) AS ended
     WHERE ended ->> 'kind' = 'wait_ended' AND ended ->> 'wait_id' = began ->> 'wait_id'))
"""


def upgrade() -> None:
    json, instant = postgresql.JSONB(astext_type=sa.Text()), postgresql.TIMESTAMP(timezone=True)
    _table(
        "desk_members",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, json, nullable=False) for name in ("queues", "families", "languages", "hours")),
        sa.Column("capacity", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.Column("until", instant, nullable=True),
        sa.Column("created_at", instant, nullable=False),
    )
    op.create_index("desk_members_person_id_key", "desk_members", ["person_id"], unique=True)
    op.create_index("desk_members_created_at_id_idx", "desk_members", ["created_at", "id"], unique=False)
    _table(
        "proposals",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("previous_person_id", sa.Uuid(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("considered", json, nullable=False),
        sa.Column("proposed_at", instant, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("answered_at", instant, nullable=True),
    )
    for columns in (["proposed_at", "id"], ["case_id", "proposed_at", "id"], ["person_id", "proposed_at", "id"]):
        op.create_index(f"proposals_{'_'.join(columns)}_idx", "proposals", columns, unique=False)
    _table("waiting_lines")
    op.execute("""
    ALTER TABLE case_files ADD queue text, ADD queued_at timestamptz, ADD language text, ADD waiting boolean NOT NULL DEFAULT false,
      ADD proposed jsonb, ADD idle_at timestamptz, ADD passed_over jsonb NOT NULL DEFAULT '[]';
    CREATE INDEX case_files_queue_state_idx ON case_files (queue, state);
    CREATE INDEX case_files_whose_idx ON case_files (coalesce(assignee ->> 'person_id', proposed ->> 'person_id'))
      WHERE state IN ('open', 'assessing');
    """)
    see_all_rows(op)
    op.get_bind().exec_driver_sql(WAITING)


def _table(name: str, *columns: sa.Column[Any]) -> None:
    own = [
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    ]
    op.create_table(name, sa.Column("id", sa.Uuid(), nullable=False), *own, *columns, sa.PrimaryKeyConstraint("id"))


def downgrade() -> None:
    op.execute("""
    ALTER TABLE case_files DROP queue, DROP queued_at, DROP language, DROP waiting, DROP proposed, DROP idle_at, DROP passed_over;
    DROP TABLE desk_members, proposals, waiting_lines;
    """)
