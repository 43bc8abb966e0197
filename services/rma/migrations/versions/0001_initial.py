"""The tables of rma."""

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
        "calendars",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("edited_by", sa.Text(), nullable=False),
        sa.Column("edited_because", sa.Text(), nullable=False),
        sa.Column("edited_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("calendars_country_idx", "calendars", ["country"], unique=False)
    op.create_index("calendars_name_key", "calendars", ["name"], unique=True)
    op.create_table(
        "case_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("case_number", sa.Text(), nullable=True),
        sa.Column("product_number", sa.Text(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("severity_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("coverage", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("diagnoses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cancelled", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "depots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("address_lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("cut_off", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("depots_code_key", "depots", ["code"], unique=True)
    op.create_table(
        "lanes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("depot_id", sa.Uuid(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("transit_days", sa.BigInteger(), nullable=False),
        sa.Column("delivers_by", sa.Text(), nullable=False),
        sa.Column("cost", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("lanes_depot_id_idx", "lanes", ["depot_id"], unique=False)
    op.create_table(
        "parts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("whole_unit", sa.Boolean(), nullable=False),
        sa.Column("product_number", sa.Text(), nullable=True),
        sa.Column("fits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("substitutes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("serialised", sa.Boolean(), nullable=False),
        sa.Column("returnable", sa.Boolean(), nullable=False),
        sa.Column("hazardous", sa.Boolean(), nullable=False),
        sa.Column("list_price", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("parts_part_number_key", "parts", ["part_number"], unique=True)
    op.create_table(
        "rmas",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=True),
        sa.Column("diagnosis_id", sa.Uuid(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("replaces_rma_id", sa.Uuid(), nullable=True),
        sa.Column("replaced_by_rma_id", sa.Uuid(), nullable=True),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("whole_unit", sa.Boolean(), nullable=False),
        sa.Column("wanted_part", sa.Text(), nullable=True),
        sa.Column("product_number", sa.Text(), nullable=True),
        sa.Column("hardware_revision", sa.Text(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("onsite", sa.Boolean(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("denial", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("part_number", sa.Text(), nullable=True),
        sa.Column("substitute_for", sa.Text(), nullable=True),
        sa.Column("depot_id", sa.Uuid(), nullable=True),
        sa.Column("ship_to", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("contact", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("cut_off", sa.Text(), nullable=False),
        sa.Column("diagnosed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("contract_due", sa.Date(), nullable=True),
        sa.Column("contract_ends_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("contract_missed", sa.Boolean(), nullable=False),
        sa.Column("promise", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("label_round", sa.BigInteger(), nullable=False),
        sa.Column("shipped_serial", sa.Text(), nullable=True),
        sa.Column("shipped_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking", sa.Text(), nullable=True),
        sa.Column("delivered_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("received_by", sa.Text(), nullable=True),
        sa.Column("installation", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("repeat_of", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("return_state", sa.Text(), nullable=False),
        sa.Column("returns", sa.Text(), nullable=False),
        sa.Column("return_required", sa.Boolean(), nullable=False),
        sa.Column("return_serial", sa.Text(), nullable=True),
        sa.Column("return_due", sa.Date(), nullable=True),
        sa.Column("return_due_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("received_serial", sa.Text(), nullable=True),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("inspection", sa.Text(), nullable=True),
        sa.Column("invoice", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rmas_case_id_idx", "rmas", ["case_id"], unique=False)
    op.create_index("rmas_cause_id_key", "rmas", ["cause_id"], unique=True)
    op.create_index("rmas_created_at_id_idx", "rmas", ["created_at", "id"], unique=False)
    op.create_index("rmas_depot_id_idx", "rmas", ["depot_id"], unique=False)
    op.create_index("rmas_diagnosis_id_idx", "rmas", ["diagnosis_id"], unique=False)
    op.create_index("rmas_number_key", "rmas", ["number"], unique=True)
    op.create_index("rmas_product_number_serial_idx", "rmas", ["product_number", "serial"], unique=False)
    op.create_index("rmas_state_part_number_idx", "rmas", ["state", "part_number"], unique=False)
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("rma_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("tracking", sa.Text(), nullable=True),
        sa.Column("label_url", sa.Text(), nullable=True),
        sa.Column("planned_delivery", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("papers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("news", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("shipments_reference_key", "shipments", ["reference"], unique=True)
    op.create_index("shipments_rma_id_idx", "shipments", ["rma_id"], unique=False)
    op.create_index("shipments_tracking_idx", "shipments", ["tracking"], unique=False)
    op.create_table(
        "stock",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("depot_id", sa.Uuid(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("reorder_point", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("stock_depot_id_part_number_key", "stock", ["depot_id", "part_number"], unique=True)
    op.create_index("stock_part_number_idx", "stock", ["part_number"], unique=False)
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("stock_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("rma_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("stock_movements_rma_id_idx", "stock_movements", ["rma_id"], unique=False)
    op.create_index("stock_movements_stock_id_at_idx", "stock_movements", ["stock_id", "at"], unique=False)
    op.execute(
        "ALTER TABLE stock ADD CHECK (reserved >= 0), ADD CHECK (reserved <= on_hand), ADD CHECK (quarantined >= 0)"
    )
    for table in ("case_files", "rmas", "shipments"):
        tenant_table(op, table)
    for prefix in ("RMA", "INV"):
        number_sequence(op, prefix)


def downgrade() -> None:
    raise NotImplementedError("A first migration is undone by dropping the database.")
