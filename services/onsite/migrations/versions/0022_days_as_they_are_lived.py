"""From when on a technician departs, when they are expected, and until when a visit lasts that takes longer.

Appointments of before may be departed for two hours before their window, as the policy has it until somebody changes it.
"""

from alembic import op

from libs.store.rewriting import see_all_rows

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE appointments ADD COLUMN departs_from timestamptz, ADD COLUMN expected_at timestamptz;
    ALTER TABLE bookings ADD COLUMN busy_until timestamptz;
    """)
    see_all_rows(op)
    op.execute("""
    UPDATE appointments SET departs_from = least(leaves_at, starts - interval '2 hours') WHERE state = 'confirmed'
    """)
