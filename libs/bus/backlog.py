"""What a service has still to do, as its own tables say: what its relay, timers, jobs and operators have before them."""

from dataclasses import dataclass

import asyncpg
from asyncpg.pool import PoolConnectionProxy

# Unpublished is what is not in the window before `prev`, nor in the part of the one up to `cur` that Kafka has acknowledged.
_SQL = """
WITH candidates AS (
    SELECT xid, id, time FROM outbox WHERE xid >= (SELECT pg_snapshot_xmax(prev) FROM relay_position)
    UNION ALL
    SELECT xid, id, time FROM outbox WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(prev) FROM relay_position))
), unpublished AS (
    SELECT count(*) AS events, min(time) AS since
      FROM candidates, relay_position WHERE NOT (pg_visible_in_snapshot(xid, cur) AND id <= last_id)
), letters AS (
    SELECT count(*) FILTER (WHERE status = 'dead') AS dead, count(*) FILTER (WHERE status = 'dead' AND out_of_order) AS out_of_order,
           count(*) FILTER (WHERE status = 'waiting') AS waiting
      FROM dead_letters WHERE status IN ('dead', 'waiting')
), due AS (
    SELECT count(*) AS timers, min(due_at) AS since FROM timers WHERE due_at <= app_now()
), calls AS (
    SELECT count(*) AS waiting, count(*) FILTER (WHERE attempt > 1 OR last_error IS NOT NULL) AS failing,
           count(*) FILTER (WHERE recordings >= 10) AS unrecorded FROM jobs
), lane AS (
    SELECT failures >= 5 AS failing, (SELECT count(*) FROM lane_calls WHERE lane = name) AS calls,
           (SELECT min(due_at) FROM lane_calls WHERE lane = name AND due_at <= statement_timestamp()) AS since
      FROM call_lanes WHERE next_at < 'infinity'
), lanes_now AS (
    SELECT coalesce(sum(calls), 0)::bigint AS calls, count(*) FILTER (WHERE failing) AS failing,
           min(since) FILTER (WHERE NOT failing) AS since, min(since) FILTER (WHERE failing) AS failing_since FROM lane
)
SELECT unpublished.events AS unpublished_events,
       greatest(extract(epoch FROM app_now() - unpublished.since), 0)::float8 AS oldest_unpublished_seconds,
       letters.dead AS dead_letters, letters.out_of_order, letters.waiting AS waiting_events, (SELECT count(*) FROM parked_keys) AS parked_keys,
       due.timers AS timers_due, greatest(extract(epoch FROM app_now() - due.since), 0)::float8 AS timers_late_seconds,
       calls.waiting AS jobs_waiting, calls.failing AS jobs_failing, calls.unrecorded AS jobs_unrecorded,
       lanes_now.calls AS lane_calls_due, lanes_now.failing AS lanes_failing,
       coalesce(extract(epoch FROM statement_timestamp() - lanes_now.since), 0)::float8 AS lanes_late_seconds,
       coalesce(extract(epoch FROM statement_timestamp() - lanes_now.failing_since), 0)::float8 AS lanes_failing_late_seconds
  FROM unpublished, letters, due, calls, lanes_now
"""


@dataclass(frozen=True)
class Backlog:
    """Counts, and ages in seconds of domain time (0 when nothing waits)."""

    unpublished_events: int
    oldest_unpublished_seconds: float
    dead_letters: int
    waiting_events: int  # behind dead letters of their key
    parked_keys: int
    timers_due: int
    timers_late_seconds: float
    jobs_waiting: int  # calls to the outside that are not over
    jobs_failing: int  # those of which an attempt has failed
    jobs_unrecorded: int  # those whose outcome is known and could not be recorded, ten times or more
    lane_calls_due: int  # in lanes in which anything is due, or will be by the machine's clock
    lanes_failing: int
    lanes_late_seconds: float  # how long the oldest call has been due in a lane that answers
    lanes_failing_late_seconds: float  # and in one that fails
    out_of_order: int = 0  # of the dead letters, those whose version their aggregate had passed


async def backlog(
    connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]",
) -> Backlog:
    """As of now. Costs no more than what it counts: nothing here reads what is done."""
    row = await connection.fetchrow(_SQL)
    assert row is not None
    return Backlog(**row)
