"""When our people are away."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "absences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("starts", instant, nullable=False),
        sa.Column("ends", instant, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("removed_at", instant, nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("absences_starts_id_idx", "absences", ["starts", "id"], unique=False)
    op.create_index("absences_person_id_starts_id_idx", "absences", ["person_id", "starts", "id"], unique=False)
    op.create_index("absences_person_id_ends_idx", "absences", ["person_id", "ends"], unique=False)


def downgrade() -> None:
    op.drop_table("absences")
