"""The tables of ecps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.schema import install_runtime, number_sequence, tenant_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    install_runtime(op)
    op.create_table(
        "case_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("opened", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("coverage", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("diagnoses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("withdrawn", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requests", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("cancelled", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "engagement_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("engagement_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("partner_event", sa.Text(), nullable=True),
        sa.Column("partner_state", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("said_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("engagement_notes_case_id_idx", "engagement_notes", ["case_id"], unique=False)
    op.create_index(
        "engagement_notes_engagement_id_said_at_id_idx",
        "engagement_notes",
        ["engagement_id", "said_at", "id"],
        unique=False,
    )
    op.create_table(
        "engagements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("diagnosis_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("partner_name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("connector", sa.Text(), nullable=True),
        sa.Column("our_reference", sa.Text(), nullable=False),
        sa.Column("ticket_number", sa.Text(), nullable=True),
        sa.Column("ticket_url", sa.Text(), nullable=True),
        sa.Column("agreement_reference", sa.Text(), nullable=True),
        sa.Column("partner_state", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("response_seconds", sa.BigInteger(), nullable=True),
        sa.Column("first_heard_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_heard_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("partner_response_seconds", sa.BigInteger(), nullable=True),
        sa.Column("partner_resolution_seconds", sa.BigInteger(), nullable=True),
        sa.Column("partner_response_due", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("findings_shared", sa.BigInteger(), nullable=False),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("engagements_case_id_idx", "engagements", ["case_id"], unique=False)
    op.create_index("engagements_ticket_number_idx", "engagements", ["ticket_number"], unique=False)
    op.create_index("engagements_created_at_id_idx", "engagements", ["created_at", "id"], unique=False)
    op.create_index("engagements_diagnosis_id_key", "engagements", ["diagnosis_id"], unique=True)
    op.create_index("engagements_number_key", "engagements", ["number"], unique=True)
    op.create_index("engagements_our_reference_key", "engagements", ["our_reference"], unique=True)
    op.create_index("engagements_partner_id_state_idx", "engagements", ["partner_id", "state"], unique=False)
    op.create_index(
        "engagements_partner_id_ticket_number_key", "engagements", ["partner_id", "ticket_number"], unique=True
    )
    op.create_table(
        "joint_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("engagement_id", sa.Uuid(), nullable=True),
        sa.Column("diagnosis_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("partner_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("proposed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("window", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("join_url", sa.Text(), nullable=True),
        sa.Column("level", sa.BigInteger(), nullable=True),
        sa.Column("participants", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("actions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("duration_seconds", sa.BigInteger(), nullable=True),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("joint_calls_case_id_idx", "joint_calls", ["case_id"], unique=False)
    op.create_index("joint_calls_created_at_id_idx", "joint_calls", ["created_at", "id"], unique=False)
    op.create_index("joint_calls_number_key", "joint_calls", ["number"], unique=True)
    op.create_index("joint_calls_partner_id_idx", "joint_calls", ["partner_id"], unique=False)
    op.create_table(
        "partner_agreements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("partner_agreements_account_id_idx", "partner_agreements", ["account_id"], unique=False)
    op.create_index(
        "partner_agreements_partner_id_account_id_idx", "partner_agreements", ["partner_id", "account_id"], unique=False
    )
    op.create_table(
        "partners",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("approved_strategic", sa.Boolean(), nullable=False),
        sa.Column("permits_direct_work", sa.Boolean(), nullable=False),
        sa.Column("requires_agreement", sa.Boolean(), nullable=False),
        sa.Column("products", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("environments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("contact", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("response_minutes", sa.BigInteger(), nullable=False),
        sa.Column("procedure", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=True),
        sa.Column("sealed_credentials", sa.Text(), nullable=True),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("partners_code_key", "partners", ["code"], unique=True)
    for table in ("case_files", "engagements", "engagement_notes", "partner_agreements", "joint_calls"):
        tenant_table(op, table)
    number_sequence(op, "PE")
    number_sequence(op, "JC")


def downgrade() -> None:
    raise NotImplementedError("A first migration is undone by dropping the database.")
