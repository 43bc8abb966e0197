"""Lists are sorted by name as Vietnamese sorts, and names are found by their words."""

from alembic import op

from libs.kit.names import give_keys

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("technicians", "places"):
        give_keys(op, table, "name")
