"""A text or file that must go is taken out, and its row says when, by whom and why."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    ALTER TABLE cases ADD description_redacted jsonb;
    ALTER TABLE notes ADD redacted jsonb;
    ALTER TABLE diagnoses ADD redacted jsonb;
    ALTER TABLE attachments ADD redacted jsonb;
    CREATE INDEX attachments_sha256_idx ON attachments (sha256);
    """)


def downgrade() -> None:
    op.execute("""
    DROP INDEX attachments_sha256_idx;
    ALTER TABLE attachments DROP redacted;
    ALTER TABLE diagnoses DROP redacted;
    ALTER TABLE notes DROP redacted;
    ALTER TABLE cases DROP description_redacted;
    """)
