"""Where a case is, for its business days; cases of before keep their calendar until a decision says it again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case_files", sa.Column("place", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
