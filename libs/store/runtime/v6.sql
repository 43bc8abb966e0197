-- Calls to many strangers (libs/bus/lanes.py): a row for each destination, and one for each call that is not over.
CREATE TABLE call_lanes (
    name text PRIMARY KEY, most integer NOT NULL, ordered boolean NOT NULL, failures integer NOT NULL DEFAULT 0,
    resumes_at timestamptz, -- by app_now()
    next_at timestamptz NOT NULL DEFAULT clock_timestamp() -- by the machine's clock: until then there is nothing to do here
);
CREATE INDEX call_lanes_next_at_idx ON call_lanes (next_at);
CREATE TABLE lane_calls (
    id uuid PRIMARY KEY, lane text NOT NULL, kind text NOT NULL, payload jsonb NOT NULL, traceparent text,
    seq bigint GENERATED ALWAYS AS IDENTITY, attempt integer NOT NULL DEFAULT 0, said text,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(), wakes_at timestamptz, -- by app_now(): due is it then
    claim bigint, outcome text, recordings integer NOT NULL DEFAULT 0
);
CREATE INDEX lane_calls_lane_due_at_idx ON lane_calls (lane, due_at);
CREATE INDEX lane_calls_lane_seq_idx ON lane_calls (lane, seq);
CREATE INDEX lane_calls_claimed_idx ON lane_calls (lane) WHERE claim IS NOT NULL;
CREATE INDEX lane_calls_wakes_at_idx ON lane_calls (wakes_at) WHERE wakes_at IS NOT NULL;
