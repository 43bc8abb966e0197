-- Calls to the outside say whom each calls, and keep the outcome until it is recorded.

ALTER TABLE jobs ADD COLUMN destination text NOT NULL DEFAULT '', ADD COLUMN outcome json,
    ADD COLUMN recordings integer NOT NULL DEFAULT 0;
DROP INDEX jobs_due_at_idx;
CREATE INDEX jobs_destination_due_at_idx ON jobs (destination, due_at);
