"""Every filter that a list offers has its index, in the order of the list."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("engagements_account_id_created_at_id_idx", "engagements", ["account_id", "created_at", "id"])
    op.create_index("engagements_partner_id_created_at_id_idx", "engagements", ["partner_id", "created_at", "id"])
    op.create_index("engagements_state_created_at_id_idx", "engagements", ["state", "created_at", "id"])
    op.create_index(
        "engagements_partner_id_state_created_at_id_idx", "engagements", ["partner_id", "state", "created_at", "id"]
    )
    op.create_index("joint_calls_account_id_created_at_id_idx", "joint_calls", ["account_id", "created_at", "id"])
    op.create_index("joint_calls_partner_id_created_at_id_idx", "joint_calls", ["partner_id", "created_at", "id"])
    op.create_index("joint_calls_state_created_at_id_idx", "joint_calls", ["state", "created_at", "id"])
    op.create_index("partner_agreements_created_at_id_idx", "partner_agreements", ["created_at", "id"])
    op.create_index(
        "partner_agreements_account_id_created_at_id_idx", "partner_agreements", ["account_id", "created_at", "id"]
    )
    op.create_index(
        "partner_agreements_partner_id_created_at_id_idx", "partner_agreements", ["partner_id", "created_at", "id"]
    )
    op.drop_index("engagements_partner_id_state_idx")
    op.drop_index("joint_calls_partner_id_idx")
    op.drop_index("partner_agreements_account_id_idx")
