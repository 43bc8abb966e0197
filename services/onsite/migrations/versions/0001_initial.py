"""The tables of onsite."""

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
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")  # trusted: the owner of the database may
    op.create_table(
        "appointments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("technician_name", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("starts", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("window_ends", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("leaves_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("chosen_by", sa.Text(), nullable=False),
        sa.Column("parts_by", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("departed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("arrived_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("check_in", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("installed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sign_offs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("appointments_account_id_idx", "appointments", ["account_id"], unique=False)
    op.create_index("appointments_technician_id_starts_idx", "appointments", ["technician_id", "starts"], unique=False)
    op.create_index("appointments_work_order_id_idx", "appointments", ["work_order_id"], unique=False)
    op.create_table(
        "bookings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("technician_id", sa.Uuid(), nullable=False),
        sa.Column("leaves_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("starts", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bookings_ends_idx", "bookings", ["ends"], unique=False)
    op.create_table(
        "case_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("coverage", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("diagnoses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("withdrawn", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cancelled", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "day_plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("technician_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("waiting_minutes_before", sa.BigInteger(), nullable=False),
        sa.Column("waiting_minutes", sa.BigInteger(), nullable=False),
        sa.Column("travel_minutes_before", sa.BigInteger(), nullable=False),
        sa.Column("travel_minutes", sa.BigInteger(), nullable=False),
        sa.Column("visits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("day_plans_day_idx", "day_plans", ["day"], unique=False)
    op.create_table(
        "places",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("places_country_name_key_key", "places", ["country", "name_key"], unique=True)
    op.create_table(
        "technicians",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("authorisations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("skills", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("territories", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("holidays_country", sa.Text(), nullable=True),
        sa.Column("absences", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("home", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "work_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("diagnosis_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=True),
        sa.Column("product_number", sa.Text(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("family", sa.Text(), nullable=True),
        sa.Column("skills", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("appointments", sa.BigInteger(), nullable=False),
        sa.Column("failed_visits", sa.BigInteger(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=True),
        sa.Column("unusable", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("software_approval", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("work_orders_account_id_idx", "work_orders", ["account_id"], unique=False)
    op.create_index("work_orders_case_id_idx", "work_orders", ["case_id"], unique=False)
    op.create_index("work_orders_diagnosis_id_key", "work_orders", ["diagnosis_id"], unique=True)
    # Deferrable: one statement may give two visits each other's time.
    op.execute(
        "ALTER TABLE bookings ADD CONSTRAINT bookings_never_two_at_once EXCLUDE USING gist "
        "(technician_id WITH =, tstzrange(leaves_at, ends) WITH &&) DEFERRABLE INITIALLY IMMEDIATE"
    )
    for table in ("case_files", "work_orders", "appointments"):
        tenant_table(op, table)
    number_sequence(op, "WO")


def downgrade() -> None:
    raise NotImplementedError("facts are not taken back")
