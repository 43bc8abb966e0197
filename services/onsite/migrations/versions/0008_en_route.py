"""A technician on the way is a state of the appointment.

The service is stopped before: what the version before writes afterwards stays confirmed.
"""

from alembic import op

from libs.store.rewriting import see_all_rows

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    op.execute("UPDATE appointments SET state = 'en_route' WHERE state = 'confirmed' AND departed_at IS NOT NULL")
