"""Events of older versions are kept as the newest has them: what a version has dropped is not kept either."""

from alembic import op

from libs.store.rewriting import see_all_rows
from services.activity.model.older_rows import renew

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    renew(op.get_bind())
