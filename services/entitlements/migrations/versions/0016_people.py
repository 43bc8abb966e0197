"""Contacts and sites are told as state."""

from alembic import op

from libs.store.rewriting import see_all_rows, tell_states

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    tell_states(
        op,
        "entitlements.people",
        "polyplus.entitlements.contact.v1",
        "contacts",
        "jsonb_build_object('account_id', account_id, 'name', name, 'email', email, 'phone', phone,"
        " 'language', language, 'authorised', authorised)",
    )
    tell_states(
        op,
        "entitlements.people",
        "polyplus.entitlements.site.v1",
        "sites",
        "jsonb_build_object('account_id', account_id, 'name', name, 'address_lines', address_lines,"
        " 'postal_code', postal_code, 'access_notes', access_notes)",
    )


def downgrade() -> None:
    """Told is told."""
