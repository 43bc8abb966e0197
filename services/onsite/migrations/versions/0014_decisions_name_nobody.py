"""Decisions are kept as they are told: without names, addresses and telephone numbers."""

from alembic import op

from libs.store.rewriting import leave_out, see_all_rows

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SITE, _CONTACT = ("name", "address_lines", "postal_code", "access_notes"), ("name", "email", "phone")


def upgrade() -> None:
    see_all_rows(op)
    leave_out(
        op, "case_files", "coverage", *(f"site.{each}" for each in _SITE), *(f"contact.{each}" for each in _CONTACT)
    )


def downgrade() -> None:
    """What is left out is gone."""
