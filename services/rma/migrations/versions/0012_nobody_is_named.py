"""Histories and what is kept of visits name nobody; who received a part stands on its RMA."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    UPDATE rmas SET history = (
           SELECT jsonb_agg(CASE WHEN change ->> 'state' = 'delivered' AND starts_with(change ->> 'reason', 'received by ')
                                 THEN change || jsonb_build_object('reason', 'delivered') ELSE change END ORDER BY n)
             FROM jsonb_array_elements(history) WITH ORDINALITY AS t (change, n))
     WHERE jsonb_path_exists(history, '$[*] ? (@.state == "delivered" && @.reason starts with "received by ")');

    UPDATE case_files SET diagnoses = (
           SELECT jsonb_object_agg(key, value || jsonb_build_object('visits', (
                  SELECT coalesce(jsonb_agg(visit - 'by' ORDER BY n), '[]')
                    FROM jsonb_array_elements(value -> 'visits') WITH ORDINALITY AS t (visit, n))))
             FROM jsonb_each(diagnoses))
     WHERE jsonb_path_exists(diagnoses, '$.*.visits[*].by');
    """)
