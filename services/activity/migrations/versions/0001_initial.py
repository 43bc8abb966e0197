"""The stream of every event."""

from alembic import op

from libs.store.schema import install_runtime, tenant_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE stream_position (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last bigint NOT NULL
) WITH (fillfactor = 10);
CREATE TABLE case_accounts (case_id uuid PRIMARY KEY, account_id uuid NOT NULL);
CREATE TABLE activity_events (
    seq bigint PRIMARY KEY, event_id uuid NOT NULL UNIQUE, topic text NOT NULL, type text NOT NULL, subject uuid NOT NULL,
    version bigint NOT NULL, case_id uuid, account_id uuid, account_seq bigint, visibility text NOT NULL,
    time timestamptz NOT NULL, actor text NOT NULL, causation_id uuid, traceparent text, data jsonb NOT NULL
);
CREATE INDEX activity_events_case_id_time_seq_idx ON activity_events (case_id, time, seq);
CREATE INDEX activity_events_account_id_account_seq_idx ON activity_events (account_id, account_seq);
CREATE INDEX activity_events_late_idx ON activity_events (account_seq) WHERE account_seq <> seq;
"""


def upgrade() -> None:
    install_runtime(op)
    op.execute(TABLES)
    tenant_table(op, "activity_events")
