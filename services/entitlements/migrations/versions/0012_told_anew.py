"""The topic of registrations is made anew, with one partition that can forget: what is registered is told again."""

import sqlalchemy as sa
from alembic import op

from libs.store.rewriting import see_all_rows, set_timer

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    for (account_id,) in op.get_bind().execute(sa.text("SELECT DISTINCT account_id FROM registered_serials")).all():
        set_timer(op, "Account", account_id, "publish_registrations")


def downgrade() -> None:
    """Told twice is told."""
