"""Serials and product numbers in their one form, in every row.

The service is stopped before: what the version before writes afterwards keeps its spelling.
"""

from alembic import op

from libs.events.labels import in_form
from libs.store.rewriting import rewrite, see_all_rows

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    serials = ("serial", "shipped_serial", "return_serial", "received_serial")
    rewrite(op, "rmas", in_form, "product_number", *serials, json=("installation",))
    rewrite(op, "parts", in_form, "product_number", json=("fits",))
    rewrite(op, "case_files", in_form, "product_number", "serial", json=("coverage", "diagnoses"))
