"""Whoever has the id of a contact or site that is gone sees that it is."""

from alembic import op

from libs.store.schema import show_who_is_gone

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("contacts", "sites"):
        show_who_is_gone(op, table)
