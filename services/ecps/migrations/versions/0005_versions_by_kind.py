"""The versions that ecps has consumed, by kind and id."""

from alembic import op

from libs.store.schema import upgrade_runtime_to_4

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_4(op)
