"""A history says that an escalation was taken up, and `by` says by whom."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    UPDATE escalations SET history = (
           SELECT jsonb_agg(CASE WHEN change ->> 'state' = 'acknowledged' AND change ->> 'reason' ~ ' took it up$'
                                 THEN change || jsonb_build_object('reason', 'taken up') ELSE change END ORDER BY n)
             FROM jsonb_array_elements(history) WITH ORDINALITY AS t (change, n))
     WHERE jsonb_path_exists(history, '$[*] ? (@.state == "acknowledged" && @.reason like_regex " took it up$")');
    """)
