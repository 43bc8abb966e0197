"""What is told as state has a table of its own; to fill it, what is registered is told again."""

import sqlalchemy as sa
from alembic import op

from libs.store.rewriting import see_all_rows, set_timer
from libs.store.schema import upgrade_runtime_to_5

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    upgrade_runtime_to_5(op)
    see_all_rows(op)
    for (account_id,) in op.get_bind().execute(sa.text("SELECT DISTINCT account_id FROM registered_serials")).all():
        set_timer(op, "Account", account_id, "publish_registrations")


def downgrade() -> None:
    op.execute("DROP TABLE states")
