"""Events of one type, of everybody and of one account, in the order of the stream: a rare one is found without a walk."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("activity_events_type_seq_idx", "activity_events", ["type", "seq"])
    op.create_index(
        "activity_events_account_id_type_account_seq_idx", "activity_events", ["account_id", "type", "account_seq"]
    )
