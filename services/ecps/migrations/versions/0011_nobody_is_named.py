"""What is kept of cases' facts names nobody, nor does what goes to a partner: as the facts' newest versions have it."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    UPDATE case_files SET opened = opened - 'reporter_name' WHERE opened ? 'reporter_name';
    UPDATE case_files SET requests = (SELECT jsonb_object_agg(key, value - 'consent_given_by') FROM jsonb_each(requests))
     WHERE jsonb_path_exists(requests, '$.*.consent_given_by');
    UPDATE engagement_notes SET author = CASE
           WHEN direction = 'from_partner' THEN e.partner_name WHEN origin = 'customer' THEN 'customer' ELSE 'Poly+ support' END
      FROM engagements e WHERE e.id = engagement_id;

    -- What waits to be sent begins with who says it.
    UPDATE jobs SET payload = payload || jsonb_build_object(
           'author', n.author, 'text', n.author || substr(payload ->> 'text', length(payload ->> 'author') + 1))
      FROM engagement_notes n WHERE n.id = aggregate_id AND kind = 'send_note' AND starts_with(payload ->> 'text', payload ->> 'author');
    """)
