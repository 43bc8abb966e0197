"""Who told of a replacement was a name, and is an actor."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    UPDATE replacements SET "by" = 'system:rma' WHERE "by" !~ '^[a-z]+(:|$)';
    UPDATE registrations SET history = (
           SELECT jsonb_agg(CASE WHEN change ->> 'by' !~ '^[a-z]+(:|$)'
                                 THEN change || jsonb_build_object('by', 'system:rma') ELSE change END ORDER BY n)
             FROM jsonb_array_elements(history) WITH ORDINALITY AS t (change, n))
     WHERE EXISTS (SELECT FROM jsonb_array_elements(history) AS change WHERE change ->> 'by' !~ '^[a-z]+(:|$)');
    """)
