"""Until when a technician sees a visit that is over."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    ALTER TABLE appointments ADD COLUMN technicians_until timestamptz;
    UPDATE appointments SET technicians_until = (history -> -1 ->> 'at')::timestamptz
                                              + CASE state WHEN 'cancelled' THEN interval '0' ELSE interval '24 hours' END
     WHERE state IN ('completed', 'failed', 'missed', 'cancelled');
    """)
