"""Lists are sorted by name as Vietnamese sorts, and names are found by their words."""

from alembic import op

from libs.kit.names import give_keys

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    give_keys(op, "parts", "part_number", "name")
    give_keys(op, "depots", "code", "name")
    give_keys(op, "calendars", "name")
