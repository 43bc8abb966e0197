"""Serials and product numbers in their one form, in every row.

The service is stopped before: what the version before writes afterwards keeps its spelling.
"""

from alembic import op

from libs.events.labels import in_form
from libs.store.rewriting import rewrite, see_all_rows

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    rewrite(op, "cases", in_form, "product_number", "serial")
    rewrite(op, "problems", in_form, json=("product_numbers",))
