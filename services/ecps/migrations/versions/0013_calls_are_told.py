"""Who joins a call, and by which link, is told as state, and forgotten: by a timer, which says when of the calls that are there."""

from alembic import op

from libs.store.rewriting import see_all_rows, tell_states

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    see_all_rows(op)
    tell_states(
        op,
        "ecps.people",
        "polyplus.ecps.joint-call.v1",
        "joint_calls",
        "CASE WHEN state = 'requested' OR participants <> '[]' THEN"
        " jsonb_build_object('account_id', account_id, 'participants', participants, 'join_url', join_url) END",
    )
    op.execute("""
    INSERT INTO timers (aggregate, aggregate_id, kind, due_at)
    SELECT 'JointCall', id, 'forget_people', app_now() FROM joint_calls WHERE "window" IS NOT NULL ON CONFLICT DO NOTHING
    """)


def downgrade() -> None:
    op.execute("DELETE FROM timers WHERE kind = 'forget_people'")
