-- The runtime's own tables as they were first made: libs/store/schema.py runs this, and what a published migration ran never changes.

CREATE TABLE app_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    time_offset interval NOT NULL DEFAULT '0'
);
INSERT INTO app_clock DEFAULT VALUES;
CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql VOLATILE
    RETURN clock_timestamp() + (SELECT time_offset FROM app_clock);

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
    SELECT coalesce(max(substring(c.relname FROM 'outbox_(\d+)$')::bigint), 0) INTO first
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
        SELECT c.relname AS name, substring(c.relname FROM 'outbox_(\d+)$')::bigint AS upper
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

CREATE TABLE policies (
    id uuid PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, plan text, region text, severity text,
    valid_from timestamptz NOT NULL, valid_to timestamptz, settings jsonb NOT NULL, who text NOT NULL, why text NOT NULL
);
