"""A call to a partner that waits says which ticket is ours: code of before left our reference out."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    UPDATE jobs SET payload = jsonb_set(payload, '{our_reference}', to_jsonb(e.our_reference))
      FROM engagements e LEFT JOIN engagement_notes n ON n.engagement_id = e.id
     WHERE (jobs.kind, jobs.aggregate_id) IN (('end_ticket', e.id), ('send_note', n.id)) AND NOT payload ? 'our_reference';
    """)
