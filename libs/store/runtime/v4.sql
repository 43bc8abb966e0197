-- Dead letters that are an alarm, and what consumers say of themselves. What has been consumed is kept by kind and id: a row that was
-- written before the kinds were told apart has an empty kind. It stands for every kind of its id that has no row of its own, and again
-- for one that code of before has raised it beyond.

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
