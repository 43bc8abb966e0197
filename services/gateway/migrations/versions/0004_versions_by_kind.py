"""The versions that gateway has consumed, by kind and id."""

from alembic import op

from libs.store.schema import upgrade_runtime_to_4

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_4(op)
