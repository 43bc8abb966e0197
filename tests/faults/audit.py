"""Triggers in the databases under test, which write down what the tables themselves forget: every change of an offset, a claim
in the inbox, a timer, a parked key, as it commits.

They live in a schema of their own and run with their owner's rights, so that a service needs no right on them and knows nothing
of them. `install` before the run; `tests.faults.collect` takes the changes along.
"""

from __future__ import annotations

import asyncpg

RUNTIME = ("consumer_offsets", "inbox", "timers", "jobs", "parked_keys", "dead_letters", "relay_position")
OWN = {"rma": ("stock",), "onsite": ("bookings",)}

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS fault_audit;
CREATE TABLE IF NOT EXISTS fault_audit.changes (
    n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    at float8 NOT NULL, now timestamptz NOT NULL, offset_seconds float8 NOT NULL, xid xid8 NOT NULL,
    scope text, query text NOT NULL, tbl text NOT NULL, old jsonb, new jsonb
);
CREATE OR REPLACE FUNCTION fault_audit.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO fault_audit.changes (at, now, offset_seconds, xid, scope, query, tbl, old, new)
    SELECT extract(epoch FROM clock_timestamp()), app_now(), extract(epoch FROM time_offset), pg_current_xact_id(),
           current_setting('polyplus.scope', true), CASE WHEN TG_TABLE_NAME = 'timers' THEN current_query() ELSE '' END,
           TG_TABLE_NAME, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END
      FROM app_clock;
    RETURN NULL;
END $$;
"""


async def install(service: str, owner_url: str) -> None:
    """Safe to repeat."""
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(_SCHEMA)
        for table in (*RUNTIME, *OWN.get(service, ())):
            await owner.execute(
                f"CREATE OR REPLACE TRIGGER fault_audit AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION fault_audit.note()"
            )
    finally:
        await owner.close()


async def forget(owner_url: str) -> None:
    """As just installed: what happened before is not part of the run."""
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute("TRUNCATE fault_audit.changes")
    finally:
        await owner.close()
