-- What is told as state: the newest record of each key, null when it is gone. An outbox row of a state topic has no body; the relay sends
-- what stands here, so that what is gone from here is told to nobody any more.
CREATE TABLE states (
    topic text NOT NULL, key uuid NOT NULL, type text NOT NULL, account_id uuid, version bigint NOT NULL, data bytea,
    PRIMARY KEY (topic, key)
);
