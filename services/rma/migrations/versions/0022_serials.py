"""Each unit that carries a serial, and where it is; those that were sent before are known from their RMAs."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.ids import derived
from libs.store.rewriting import rows, see_all_rows

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
_UNITS = UUID("0192d000-0000-7000-8000-00000000f5e1")


def upgrade() -> None:
    op.execute("ALTER TABLE rmas ADD received_part text")
    units = op.create_table(
        "tracked_units",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("depot_id", sa.Uuid(), nullable=True),
        sa.Column("rma_id", sa.Uuid(), nullable=True),
        sa.Column("chain", postgresql.JSONB(), nullable=False),
        sa.Column("moved_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    see_all_rows(op)
    text, instant = sa.Text(), postgresql.TIMESTAMP(timezone=True)
    columns = {
        "part_number": text,
        "shipped_serial": text,
        "shipped_at": instant,
        "depot_id": sa.Uuid(),
        "installation": postgresql.JSONB(none_as_null=True),
        "returns": text,
        "return_state": text,
    }
    sent: dict[Any, dict[str, Any]] = {}
    for row in rows(op, "rmas", columns):
        came_back = row.returns == "unused_replacement" and row.return_state == "inspected"
        if row.shipped_serial and row.part_number and row.shipped_at and not came_back:
            id = derived(derived(_UNITS, row.part_number), row.shipped_serial)
            link = {"what": "shipped", "at": row.shipped_at.isoformat(), "by": "worker", "depot_id": str(row.depot_id)}
            unit = {
                "id": id,
                "version": 0,
                "revision": 1,
                "part_number": row.part_number,
                "serial": row.shipped_serial,
                "place": "installed" if row.installation else "shipped",
                "depot_id": row.depot_id,
                "rma_id": row.id,
                "chain": [link | {"rma_id": str(row.id)}],
                "moved_at": row.shipped_at,
            }
            sent[id] = unit if id not in sent or sent[id]["moved_at"] < row.shipped_at else sent[id]
    if sent:
        op.bulk_insert(units, list(sent.values()))
    op.create_index("tracked_units_part_number_serial_key", "tracked_units", ["part_number", "serial"], unique=True)
    op.create_index("tracked_units_serial_idx", "tracked_units", ["serial"])
    op.create_index("tracked_units_rma_id_idx", "tracked_units", ["rma_id"])
    op.create_index("rmas_shipped_serial_idx", "rmas", ["shipped_serial"])
    op.create_index("rmas_received_serial_idx", "rmas", ["received_serial"])
