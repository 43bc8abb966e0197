"""Calls to the outside: whom each calls, and the outcome until it is recorded."""

from alembic import op

from libs.store.schema import upgrade_runtime_to_3

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_3(op)
