"""Contacts are found by an address in any letter case; contracts that run are told of before they end."""

import sqlalchemy as sa
from alembic import op

from libs.store.rewriting import rewrite, see_all_rows

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contacts", sa.Column("email_key", sa.Text()))
    see_all_rows(op)
    rewrite(op, "contacts", lambda row: {"email_key": row["email"] and row["email"].lower()}, "email", "email_key")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.create_index("contacts_email_key_id_idx", "contacts", ["email_key", "id"])
    op.drop_index("contacts_email_id_idx", "contacts")
    op.execute(
        "INSERT INTO timers (aggregate, aggregate_id, kind, due_at)"
        " SELECT 'Contract', id, 'expiring', app_now() FROM contracts WHERE state = 'active' ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.execute("DELETE FROM timers WHERE aggregate = 'Contract' AND kind = 'expiring'")
    op.create_index("contacts_email_id_idx", "contacts", ["email", "id"])
    op.drop_column("contacts", "email_key")
