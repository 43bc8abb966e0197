"""The stream of every event, by month."""

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
    seq bigint NOT NULL, event_id uuid NOT NULL, topic text NOT NULL, type text NOT NULL, subject uuid NOT NULL,
    version bigint NOT NULL, case_id uuid, account_id uuid, account_seq bigint, visibility text NOT NULL,
    time timestamptz NOT NULL, actor text NOT NULL, causation_id uuid, traceparent text, data jsonb NOT NULL,
    CONSTRAINT activity_events_event_id_time_key UNIQUE (event_id, time)
) PARTITION BY RANGE (time);
CREATE INDEX activity_events_seq_idx ON activity_events (seq);
CREATE INDEX activity_events_case_id_time_seq_idx ON activity_events (case_id, time, seq);
CREATE INDEX activity_events_account_id_account_seq_idx ON activity_events (account_id, account_seq);
CREATE INDEX activity_events_late_idx ON activity_events (account_seq) WHERE account_seq <> seq;
CREATE TABLE activity_events_0 PARTITION OF activity_events DEFAULT;
"""

# A month that the default partition already holds events of stays there: moving them would block the readers.
PARTITIONS = """
CREATE FUNCTION activity_add_partitions(months integer DEFAULT 3) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    first timestamptz; part text; taken boolean;
BEGIN
    FOR ahead IN 0..months LOOP
        first := date_trunc('month', app_now()) + make_interval(months => ahead);
        part := 'activity_events_' || to_char(first, 'YYYYMM');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        SELECT EXISTS (SELECT FROM activity_events_0 WHERE time >= first AND time < first + interval '1 month') INTO taken;
        CONTINUE WHEN taken;
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF activity_events FOR VALUES FROM (%L) TO (%L)', part, first, first + interval '1 month');
    END LOOP;
END $$;
SELECT activity_add_partitions();
"""


def upgrade() -> None:
    install_runtime(op)
    op.execute(TABLES)
    op.execute(PARTITIONS)
    tenant_table(op, "activity_events")
