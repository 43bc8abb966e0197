"""Whose each case is stands in a column of its own, which an index leads to under row-level security too."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    DROP INDEX case_files_whose_idx;
    ALTER TABLE case_files ADD whose text
      GENERATED ALWAYS AS (coalesce(assignee ->> 'person_id', proposed ->> 'person_id')) STORED;
    CREATE INDEX case_files_whose_state_idx ON case_files (whose, state);
    """)


def downgrade() -> None:
    op.execute("""
    ALTER TABLE case_files DROP whose;
    CREATE INDEX case_files_whose_idx ON case_files (coalesce(assignee ->> 'person_id', proposed ->> 'person_id'))
      WHERE state IN ('open', 'assessing');
    """)
