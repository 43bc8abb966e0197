"""The runtime's own tables, for a service's first migration, and the row-level security of the rest.

`install_runtime(op)` and `tenant_table(op, "rmas")` are what migrations call. A change here is a new `upgrade_runtime_to_N`,
called by a new migration of every service; what a published migration called never changes.
"""

from typing import Protocol


class Operations(Protocol):
    def execute(self, sqltext: str) -> None: ...


CLOCK = """
CREATE TABLE app_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    time_offset interval NOT NULL DEFAULT '0'
);
INSERT INTO app_clock DEFAULT VALUES;
CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql VOLATILE
    RETURN clock_timestamp() + (SELECT time_offset FROM app_clock);
"""

OUTBOX = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    topic text NOT NULL, key uuid NOT NULL, event_id uuid NOT NULL, type text NOT NULL, subject uuid NOT NULL,
    account_id uuid, version bigint NOT NULL, causation_id uuid, actor text NOT NULL, traceparent text,
    time timestamptz NOT NULL, headers jsonb, data bytea,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX outbox_xid_idx ON outbox (xid);
CREATE TABLE relay_position (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch bigint NOT NULL DEFAULT 0,
    prev pg_snapshot NOT NULL, cur pg_snapshot NOT NULL, last_id bigint NOT NULL DEFAULT 0
);
-- 3:3: is the snapshot before the first transaction: everything is still to be published.
INSERT INTO relay_position (prev, cur) VALUES ('3:3:', '3:3:');

CREATE FUNCTION outbox_add_partitions(size bigint DEFAULT 1000000) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    first bigint; highest bigint;
BEGIN
    SELECT coalesce(max(substring(c.relname FROM 'outbox_(\\d+)$')::bigint), 0) INTO first
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'outbox'::regclass;
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO highest FROM outbox_id_seq;
    -- a partition is named by its upper bound; at least `size` ids are always free ahead
    WHILE first < highest + size LOOP
        -- attached, not created as a partition: that would lock out every writer until the longest transaction ends
        EXECUTE format(
            'CREATE TABLE outbox_%1$s (LIKE outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);'
            'ALTER TABLE outbox ATTACH PARTITION outbox_%1$s FOR VALUES FROM (%2$s) TO (%1$s)', first + size, first);
        first := first + size;
    END LOOP;
END $$;

CREATE FUNCTION outbox_drop_published() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    part record; unseen boolean; highest bigint;
BEGIN
    SELECT last_value INTO highest FROM outbox_id_seq;
    FOR part IN
        SELECT c.relname AS name, substring(c.relname FROM 'outbox_(\\d+)$')::bigint AS upper
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'outbox'::regclass ORDER BY 2 LIMIT 1
    LOOP
        EXIT WHEN part.upper >= highest;
        EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', part.name);
        -- a new statement: it sees what committed while the lock was waited for
        EXECUTE format(
            'SELECT EXISTS (SELECT FROM %1$I, relay_position WHERE xid >= pg_snapshot_xmax(prev))'
            '    OR EXISTS (SELECT FROM %1$I, relay_position WHERE xid IN (SELECT pg_snapshot_xip(prev)))', part.name) INTO unseen;
        EXIT WHEN unseen;
        EXECUTE format('DROP TABLE %I', part.name);
        RETURN 1;
    END LOOP;
    RETURN 0;
EXCEPTION WHEN lock_not_available THEN RETURN 0;  -- a writer is at work; another time
END $$;
SELECT outbox_add_partitions();
"""

CONSUMER = """
CREATE TABLE consumer_offsets (
    consumer text NOT NULL, topic text NOT NULL, partition integer NOT NULL, next bigint NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
);
CREATE TABLE inbox (
    consumer text NOT NULL, topic text NOT NULL, event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, event_id)
);
-- How many records of a topic had been consumed at some instants: what the inbox must remember is counted from them.
CREATE TABLE inbox_marks (
    consumer text NOT NULL, topic text NOT NULL, at timestamptz NOT NULL, consumed bigint NOT NULL,
    PRIMARY KEY (consumer, topic, at)
);
CREATE TABLE consumed_versions (
    consumer text NOT NULL, topic text NOT NULL, subject uuid NOT NULL, version bigint NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, topic, subject)
);
CREATE TABLE parked_keys (
    consumer text NOT NULL, topic text NOT NULL, key uuid NOT NULL, parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, topic, key)
);
CREATE TABLE dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL, topic text NOT NULL, partition integer NOT NULL, record_offset bigint NOT NULL,
    key uuid NOT NULL, event_id uuid NOT NULL, type text NOT NULL, headers jsonb NOT NULL, data bytea,
    error text, status text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (consumer, topic, partition, record_offset)
);
CREATE INDEX dead_letters_key_idx ON dead_letters (consumer, topic, key, id) WHERE status IN ('dead', 'waiting');

-- Which of these events are known already (null: none), and to which versions their subjects had been consumed.
CREATE FUNCTION claim_events(
    the_consumer text, the_topic text, ids uuid[], the_subjects uuid[], versions bigint[],
    OUT known uuid[], OUT subjects uuid[], OUT passed bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    claimed uuid[];
BEGIN
    WITH fresh AS (
        INSERT INTO inbox (consumer, topic, event_id) SELECT the_consumer, the_topic, unnest(ids)
        ON CONFLICT DO NOTHING RETURNING event_id
    ) SELECT coalesce(array_agg(event_id), '{}') FROM fresh INTO claimed;
    IF cardinality(claimed) < cardinality(ids) THEN  -- the same event may also be there twice
        known := ARRAY(SELECT unnest(ids) EXCEPT SELECT unnest(claimed));
    END IF;
    WITH raised AS (
        INSERT INTO consumed_versions AS v (consumer, topic, subject, version)
        SELECT the_consumer, the_topic, s, max(n) FROM unnest(ids, the_subjects, versions) AS u(id, s, n)
         WHERE known IS NULL OR id IN (SELECT unnest(claimed)) GROUP BY s
        ON CONFLICT (consumer, topic, subject) DO UPDATE
            SET version = greatest(v.version, excluded.version), raised_at = excluded.raised_at
        RETURNING subject, old.version AS passed
    ) SELECT array_agg(r.subject), array_agg(r.passed) FROM raised r WHERE r.passed IS NOT NULL INTO subjects, passed;
END $$;

-- The beginning of a batch in one round trip: the fence; which keys are parked; and when none is, the claim.
-- Each is a statement of its own, so that it sees what was committed while the fence was waited for.
CREATE FUNCTION begin_batch(
    the_consumer text, the_topic text, the_partition integer, expected bigint, upto bigint,
    keys uuid[], ids uuid[], the_subjects uuid[], versions bigint[],
    OUT fenced boolean, OUT parked uuid[], OUT known uuid[], OUT subjects uuid[], OUT passed bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE consumer_offsets SET next = upto
     WHERE (consumer, topic, partition, next) = (the_consumer, the_topic, the_partition, expected);
    fenced := NOT FOUND;
    IF fenced OR ids = '{}' THEN RETURN; END IF;
    SELECT array_agg(key) INTO parked FROM parked_keys
     WHERE (consumer, topic) = (the_consumer, the_topic) AND key = ANY (keys);
    IF parked IS NULL THEN
        SELECT * INTO known, subjects, passed FROM claim_events(the_consumer, the_topic, ids, the_subjects, versions);
    END IF;
END $$;
"""

TIMERS = """
CREATE SEQUENCE timer_generations CACHE 1;
CREATE TABLE timers (
    aggregate text NOT NULL, aggregate_id uuid NOT NULL, kind text NOT NULL, due_at timestamptz NOT NULL,
    generation bigint NOT NULL DEFAULT nextval('timer_generations'),
    PRIMARY KEY (aggregate_id, kind)
-- What was fired lies before what is due next: every look has to get past it until it is vacuumed, however many wait behind.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX timers_due_at_idx ON timers (due_at);
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    aggregate text NOT NULL, aggregate_id uuid NOT NULL, kind text NOT NULL, reference text NOT NULL,
    payload jsonb NOT NULL, traceparent text, attempt integer NOT NULL DEFAULT 0, last_error text,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(), claim bigint
);
CREATE INDEX jobs_due_at_idx ON jobs (due_at);
CREATE SEQUENCE job_claims CACHE 1;
"""

IDEMPOTENCY = """
CREATE TABLE idempotency_keys (
    principal text NOT NULL, route text NOT NULL, key text NOT NULL, request_hash bytea NOT NULL,
    status integer NOT NULL, headers jsonb NOT NULL, body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (principal, route, key)
);

CREATE FUNCTION begin_request(
    scope text, accounts text, of_principal text, of_route text, of_key text,
    OUT now timestamptz, OUT alone boolean, OUT request_hash bytea, OUT status integer, OUT headers jsonb, OUT body bytea
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('polyplus.scope', scope, true), set_config('polyplus.accounts', accounts, true);
    alone := pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', of_principal, of_route, of_key), 0));
    -- A new statement: it sees what was stored before the lock was free.
    SELECT k.request_hash, k.status, k.headers, k.body INTO request_hash, status, headers, body
      FROM idempotency_keys k WHERE (k.principal, k.route, k.key) = (of_principal, of_route, of_key);
    now := app_now();
END $$;
"""

POLICIES = """
CREATE TABLE policies (
    id uuid PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, plan text, region text, severity text,
    valid_from timestamptz NOT NULL, valid_to timestamptz, settings jsonb NOT NULL, who text NOT NULL, why text NOT NULL
);
"""


REFERENCE = """
CREATE TABLE reference_revision (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint NOT NULL DEFAULT 0, changed_by xid8 NOT NULL DEFAULT '0'
);
INSERT INTO reference_revision DEFAULT VALUES;
CREATE FUNCTION reference_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE reference_revision SET revision = revision + 1, changed_by = pg_current_xact_id()
     WHERE changed_by <> pg_current_xact_id();  -- once for a transaction
    RETURN NULL;
END $$;
"""

# The beginnings of version 1, which older code goes on calling, with the clock and the revision; `start_batch` sets the context too.
BEGINNINGS = """
CREATE FUNCTION start_request(
    scope text, accounts text, of_principal text, of_route text, of_key text,
    OUT now timestamptz, OUT reference bigint,
    OUT alone boolean, OUT request_hash bytea, OUT status integer, OUT headers jsonb, OUT body bytea
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT b.now, b.alone, b.request_hash, b.status, b.headers, b.body
      INTO now, alone, request_hash, status, headers, body
      FROM begin_request(scope, accounts, of_principal, of_route, of_key) b;
    SELECT revision INTO reference FROM reference_revision;
END $$;
CREATE FUNCTION start_batch(
    the_consumer text, the_topic text, the_partition integer, expected bigint, upto bigint,
    keys uuid[], ids uuid[], the_subjects uuid[], versions bigint[],
    OUT now timestamptz, OUT reference bigint,
    OUT fenced boolean, OUT parked uuid[], OUT known uuid[], OUT subjects uuid[], OUT passed bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('polyplus.scope', 'worker', true), set_config('polyplus.accounts', '', true);
    SELECT b.fenced, b.parked, b.known, b.subjects, b.passed INTO fenced, parked, known, subjects, passed
      FROM begin_batch(the_consumer, the_topic, the_partition, expected, upto, keys, ids, the_subjects, versions) b;
    SELECT app_now(), revision INTO now, reference FROM reference_revision;
END $$;
"""

JOBS_BY_DESTINATION = """
ALTER TABLE jobs ADD COLUMN destination text NOT NULL DEFAULT '', ADD COLUMN outcome json,
    ADD COLUMN recordings integer NOT NULL DEFAULT 0;
DROP INDEX jobs_due_at_idx;
CREATE INDEX jobs_destination_due_at_idx ON jobs (destination, due_at);
"""


# What has been consumed is kept by kind and id. A row that was written before the kinds were told apart has the kind '': it stands for
# every kind of its id that has no row of its own, and again for one that code of before has raised it beyond.
FENCE = """
ALTER TABLE consumed_versions ADD COLUMN kind text NOT NULL DEFAULT '';
ALTER TABLE consumed_versions DROP CONSTRAINT consumed_versions_pkey;
ALTER TABLE consumed_versions ADD PRIMARY KEY (consumer, topic, subject, kind);
ALTER TABLE dead_letters ADD COLUMN out_of_order boolean NOT NULL DEFAULT false;
-- What each member of the group last said of itself: so every process of the service knows, whichever role it has.
CREATE TABLE consumer_states (
    consumer text NOT NULL, member uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    halted text, lag bigint NOT NULL,
    PRIMARY KEY (consumer, member)
);

-- As code of before calls it.
CREATE OR REPLACE FUNCTION claim_events(
    the_consumer text, the_topic text, ids uuid[], the_subjects uuid[], versions bigint[],
    OUT known uuid[], OUT subjects uuid[], OUT passed bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.known, c.subjects, c.passed INTO known, subjects, passed
      FROM claim_events(the_consumer, the_topic, ids, the_subjects, versions, array_fill(''::text, ARRAY[cardinality(ids)])) c;
END $$;
CREATE FUNCTION claim_events(
    the_consumer text, the_topic text, ids uuid[], the_subjects uuid[], versions bigint[], the_kinds text[],
    OUT known uuid[], OUT subjects uuid[], OUT kinds text[], OUT passed bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
    claimed uuid[];
BEGIN
    WITH fresh AS (
        INSERT INTO inbox (consumer, topic, event_id) SELECT the_consumer, the_topic, unnest(ids)
        ON CONFLICT DO NOTHING RETURNING event_id
    ) SELECT coalesce(array_agg(event_id), '{}') FROM fresh INTO claimed;
    IF cardinality(claimed) < cardinality(ids) THEN  -- the same event may also be there twice
        known := ARRAY(SELECT unnest(ids) EXCEPT SELECT unnest(claimed));
    END IF;
    WITH raised AS (
        INSERT INTO consumed_versions AS v (consumer, topic, subject, kind, version)
        SELECT the_consumer, the_topic, s, k, max(n) FROM unnest(ids, the_subjects, the_kinds, versions) AS u(id, s, k, n)
         WHERE known IS NULL OR id IN (SELECT unnest(claimed)) GROUP BY s, k
        ON CONFLICT (consumer, topic, subject, kind) DO UPDATE
            SET version = greatest(v.version, excluded.version), raised_at = excluded.raised_at
        RETURNING subject, kind, old.version, old.raised_at
    ), fences AS (
        SELECT r.subject, r.kind, CASE WHEN r.raised_at > b.raised_at THEN r.version ELSE greatest(r.version, b.version) END AS passed
          FROM raised r LEFT JOIN consumed_versions b
            ON (b.consumer, b.topic, b.subject, b.kind) = (the_consumer, the_topic, r.subject, '')
    ) SELECT array_agg(f.subject), array_agg(f.kind), array_agg(f.passed) FROM fences f WHERE f.passed IS NOT NULL
        INTO subjects, kinds, passed;
END $$;

-- The beginning of a batch in one round trip: the context, the fence, which keys are parked, and when none is, the claim.
-- Each is a statement of its own, so that it sees what was committed while the fence was waited for.
CREATE FUNCTION start_batch(
    the_consumer text, the_topic text, the_partition integer, expected bigint, upto bigint,
    keys uuid[], ids uuid[], the_subjects uuid[], versions bigint[], the_kinds text[],
    OUT now timestamptz, OUT reference bigint,
    OUT fenced boolean, OUT parked uuid[], OUT known uuid[], OUT subjects uuid[], OUT kinds text[], OUT passed bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('polyplus.scope', 'worker', true), set_config('polyplus.accounts', '', true);
    UPDATE consumer_offsets SET next = upto
     WHERE (consumer, topic, partition, next) = (the_consumer, the_topic, the_partition, expected);
    fenced := NOT FOUND;
    IF NOT fenced AND ids <> '{}' THEN
        SELECT array_agg(key) INTO parked FROM parked_keys
         WHERE (consumer, topic) = (the_consumer, the_topic) AND key = ANY (keys);
        IF parked IS NULL THEN
            SELECT c.known, c.subjects, c.kinds, c.passed INTO known, subjects, kinds, passed
              FROM claim_events(the_consumer, the_topic, ids, the_subjects, versions, the_kinds) c;
        END IF;
    END IF;
    SELECT app_now(), revision INTO now, reference FROM reference_revision;
END $$;
"""


def install_runtime(op: Operations) -> None:
    """Everything the runtime needs in a service's database: version 1."""
    for part in (CLOCK, OUTBOX, CONSUMER, TIMERS, IDEMPOTENCY, POLICIES):
        op.execute(part)


def upgrade_runtime_to_2(op: Operations) -> None:
    """Reference data, and beginnings that take one round trip."""
    op.execute(REFERENCE)
    op.execute(BEGINNINGS)
    reference_table(op, "policies")


def upgrade_runtime_to_3(op: Operations) -> None:
    """Calls to the outside: whom each calls, and the outcome until it is recorded."""
    op.execute(JOBS_BY_DESTINATION)


def upgrade_runtime_to_4(op: Operations) -> None:
    """The versions consumed by kind and id, dead letters that are an alarm, and what consumers say of themselves."""
    op.execute(FENCE)


def reference_table(op: Operations, table: str) -> None:
    """Every change of this table is a new revision of the reference data: see libs.store.reference.

    The revision is raised as the last thing before the commit, so that nobody waits for its row while holding another's lock.
    """
    op.execute(
        f"CREATE CONSTRAINT TRIGGER reference AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reference_changed();"
        f"CREATE TRIGGER reference_emptied AFTER TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION reference_changed()"
    )


def tenant_table(op: Operations, table: str, column: str = "account_id") -> None:
    """Rows of `table` are seen and written by their own account's principals, by staff and by workers; by nobody else."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} USING (current_setting('polyplus.scope', true) = 'tenant' AND {column} = "
        "ANY (string_to_array(nullif(current_setting('polyplus.accounts', true), ''), ',')::uuid[]))"
    )
    op.execute(f"CREATE POLICY staff ON {table} USING (current_setting('polyplus.scope', true) = 'staff')")
    op.execute(f"CREATE POLICY worker ON {table} USING (current_setting('polyplus.scope', true) = 'worker')")


def number_sequence(op: Operations, prefix: str) -> None:
    """The sequence behind `tx.next_number(prefix)`."""
    op.execute(f"CREATE SEQUENCE {prefix.lower()}_numbers CACHE 1")
