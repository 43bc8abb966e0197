-- Reference data, and beginnings that take one round trip.

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

-- The beginnings of version 1, which older code goes on calling, with the clock and the revision; `start_batch` sets the context too.
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
