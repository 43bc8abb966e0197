"""Replicas of contacts and sites; what a contact signed is kept without a name."""

from alembic import op

from libs.store.rewriting import see_all_rows
from libs.store.schema import replica_table

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_UNNAMED = """
UPDATE appointments SET sign_offs = jsonb_set(sign_offs, '{customer,name}', 'null')
 WHERE sign_offs -> 'customer' ->> 'contact_id' IS NOT NULL
"""


def upgrade() -> None:
    replica_table(op, "contacts", "account_id uuid", "name text", "phone text")
    columns = ("name text", "address_lines jsonb", "postal_code text", "access_notes text")
    replica_table(op, "sites", "account_id uuid", *columns)
    see_all_rows(op)
    op.execute(_UNNAMED)


def downgrade() -> None:
    op.drop_table("sites")
    op.drop_table("contacts")
