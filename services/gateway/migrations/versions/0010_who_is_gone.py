"""Whoever has the id of a contact who is gone sees that they are."""

from alembic import op

from libs.store.schema import show_who_is_gone

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # `contacts_gone` is called by the release before alone
    show_who_is_gone(op, "contacts")
