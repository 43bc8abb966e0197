"""The charge has states of its own; until now they were the return's.

The service is stopped before: what the version before writes afterwards is a return that is `invoiced`, which no code reads any more.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    ALTER TABLE rmas ADD charge text NOT NULL DEFAULT 'none';
    UPDATE rmas
       SET charge = coalesce(invoice ->> 'settled', CASE WHEN jsonb_typeof(invoice) = 'object' THEN 'invoiced' ELSE 'none' END),
           -- what was settled is awaited no more; what is charged for still is
           return_state = CASE return_state
               WHEN 'invoiced' THEN CASE WHEN invoice ->> 'settled' IS NULL THEN 'overdue' ELSE 'waived' END
               WHEN 'credited' THEN 'waived' ELSE return_state END
     WHERE jsonb_typeof(invoice) = 'object' OR return_state IN ('invoiced', 'credited');
    CREATE INDEX rmas_charge_created_at_id_idx ON rmas (charge, created_at, id);
    CREATE INDEX rmas_charge_updated_at_id_idx ON rmas (charge, updated_at, id);
    """)
