"""Lists are sorted by name as Vietnamese sorts, and names are found by their words."""

from alembic import op

from libs.kit.names import give_keys

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("experts", "teams", "rotas", "escalation_policies"):
        give_keys(op, table, "name")
        op.drop_index(f"{table}_name_idx")
