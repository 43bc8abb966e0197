"""Overrides are rows of their own: changed, removed and kept, with who did it, when and why."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from libs.store.rewriting import rows, see_all_rows

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "overrides",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("rota_id", sa.Uuid(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=True),
        sa.Column("starts", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ends", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("replaces", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("swap_id", sa.Uuid(), nullable=True),
        sa.Column("removed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("overrides_person_id_ends_idx", "overrides", ["person_id", "ends"], unique=False)
    op.create_index("overrides_rota_id_starts_id_idx", "overrides", ["rota_id", "starts", "id"], unique=False)
    op.create_index("overrides_swap_id_idx", "overrides", ["swap_id"], unique=False)
    see_all_rows(op)
    json_column = postgresql.JSONB(none_as_null=True)
    types = {"history": json_column, **dict.fromkeys(("starts", "ends", "created_at"), postgresql.TIMESTAMP(True))}
    types |= dict.fromkeys(("id", "rota_id", "person_id", "replaces"), sa.Uuid())
    names = (*types, "version", "revision", "reason", "by")
    table = sa.table("overrides", *(sa.column(name, types.get(name)) for name in names))
    for rota in rows(op, "rotas", {"overrides": json_column}):
        for each in rota.overrides:
            row = {
                "id": UUID(each["id"]),
                "version": 0,
                "revision": 0,
                "rota_id": rota.id,
                "starts": datetime.fromisoformat(each["starts"]),
                "ends": datetime.fromisoformat(each["ends"]),
                "person_id": UUID(each["person_id"]),
                "replaces": UUID(each["replaces"]) if each.get("replaces") else None,
                "reason": each["reason"],
                "by": each.get("by") or "",
                "created_at": _made_at(UUID(each["id"])),
                "history": [],
            }
            op.get_bind().execute(sa.insert(table).values(**row))
    op.drop_column("rotas", "overrides")


def _made_at(id: UUID) -> datetime:
    """Ids here are UUIDv7: they begin with the milliseconds since 1970."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
