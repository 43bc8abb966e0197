"""When a rota is to have somebody on call, and the gaps that were told; each rota looks for its gaps once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.rewriting import rows, set_timer

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("rotas", sa.Column("hours", json, nullable=True))
    op.add_column("rotas", sa.Column("told_gaps", json, server_default=sa.text("'[]'"), nullable=False))
    for rota in rows(op, "rotas", {}):
        set_timer(op, "Rota", rota.id, "gap")
