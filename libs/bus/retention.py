"""How long the runtime's rows are kept, and the sweep that removes the others in short strokes while everybody works.

The inbox is what decides duplicates, so a row leaves it only when its event cannot come again: it was received long ago *and* many
records of its topic were consumed since, however long that took, *and* no copy of it waits behind a dead letter. A relay that
died sends at most its pages in flight again, whether it returns within a second or after a month.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from libs.store import Database

STROKE_PAGES = 128  # about 11,000 rows of an inbox


@dataclass(frozen=True)
class Retention:
    """What is kept at least, in real time."""

    inbox: timedelta = timedelta(days=14)
    inbox_records: int = 100_000
    """Of each topic, as many of the records consumed last are remembered, whatever their age."""
    versions: timedelta | None = timedelta(days=400)
    """Since an aggregate's newest event: how long the alarm about old versions stands behind the inbox. None: for ever."""
    dead_letters: timedelta = timedelta(days=90)
    """Since their death, those replayed; one that is undecided stays, and one discarded: a rebuild has to leave it out for ever."""
    idempotency_keys: timedelta = timedelta(days=7)
    journal: tuple[str, str, str, timedelta] | None = None
    """What a service keeps for good unless it is told otherwise: the table, the unique number in whose order it grows, the column that
    holds a row's time, how long after it."""


_MARK = """
INSERT INTO inbox_marks (consumer, topic, at, consumed)
SELECT o.consumer, o.topic, clock_timestamp(), o.consumed
  FROM (SELECT consumer, topic, sum(next)::bigint AS consumed FROM consumer_offsets GROUP BY consumer, topic) o
  LEFT JOIN LATERAL (SELECT at, consumed FROM inbox_marks m WHERE (m.consumer, m.topic) = (o.consumer, o.topic)
                      ORDER BY at DESC LIMIT 1) last ON true
 WHERE last IS NULL OR (last.at < clock_timestamp() - $1::interval / 28 AND abs(o.consumed - last.consumed) * 10 >= $2::bigint)
"""
# What was received before `at` may go, as far as age and number say.
_HORIZONS = """
WITH horizons AS (
    SELECT consumer, topic, max(at) AS at
      FROM inbox_marks m
      JOIN (SELECT consumer, topic, sum(next) AS consumed FROM consumer_offsets GROUP BY consumer, topic) o USING (consumer, topic)
     WHERE m.at < clock_timestamp() - $1::interval AND m.consumed <= o.consumed - $2::bigint GROUP BY consumer, topic
), passed AS (
    DELETE FROM inbox_marks m USING horizons h WHERE (m.consumer, m.topic) = (h.consumer, h.topic) AND m.at < h.at
)
SELECT consumer, topic, at FROM horizons
"""
_INBOX = """
EXISTS (SELECT FROM unnest($3::text[], $4::text[], $5::timestamptz[]) AS h(consumer, topic, at)
         WHERE (t.consumer, t.topic) = (h.consumer, h.topic) AND t.received_at < h.at)
AND NOT EXISTS (SELECT FROM dead_letters d
                 WHERE (d.consumer, d.event_id) = (t.consumer, t.event_id) AND d.status IN ('dead', 'waiting'))
"""
_ENDED = "t.status = 'replayed' AND t.at < clock_timestamp() - $3::interval"
_STROKE = "DELETE FROM {table} t WHERE t.ctid >= $1::text::tid AND t.ctid < $2::text::tid AND {condition}"
STRETCH_ROWS = 1000
# The planner takes row-level security for a filter that nearly nothing passes, and would rather read and sort all.
IN_ORDER = """
SET LOCAL lock_timeout = '100ms'; SET LOCAL polyplus.scope = 'worker'; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off
"""
STRETCH = (
    "SELECT max({order}) FROM (SELECT {order} FROM {table} WHERE {order} > $1 ORDER BY {order} LIMIT $2) AS oldest"
)
OLD = "DELETE FROM {table} WHERE {order} > $1 AND {order} <= $2 AND {column} < (SELECT app_now()) - $3::interval"
_PAGES = "SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::int"


async def sweep(database: Database, retention: Retention, stop: asyncio.Event | None = None) -> dict[str, int]:
    """Removes what need not be kept any more, stretch by stretch of each table; how many rows of which.

    A stroke locks nothing but the rows it removes, for milliseconds, and leaves a stretch in which somebody else holds one to the
    next sweep. Several processes may sweep at once.
    """
    stop, counts = stop or asyncio.Event(), dict[str, int]()
    async with database.pool.acquire() as connection:
        await connection.execute(_MARK, retention.inbox, retention.inbox_records)
        horizons = await connection.fetch(_HORIZONS, retention.inbox, retention.inbox_records)
        rules: dict[str, tuple[str, Sequence[object]]] = {
            "dead_letters": (_ENDED, [retention.dead_letters]),
            "idempotency_keys": ("t.created_at < clock_timestamp() - $3::interval", [retention.idempotency_keys]),
        }
        if retention.versions is not None:
            rules["consumed_versions"] = ("t.raised_at < clock_timestamp() - $3::interval", [retention.versions])
        if retention.journal:
            counts[retention.journal[0]] = await _from_its_beginning(connection, *retention.journal, stop)
        if horizons:
            rules["inbox"] = (_INBOX, list(zip(*horizons, strict=True)))
        for table, rule in rules.items():
            counts[table] = await _strokes(connection, table, *rule, stop)
    return {table: count for table, count in counts.items() if count}


async def _from_its_beginning(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
    table: str,
    order: str,
    column: str,
    kept: timedelta,
    stop: asyncio.Event,
) -> int:
    """A journal grows in the order of its times, but for a little: from its oldest row on, up to the first stretch in which nothing
    is old enough. So a sweep with nothing to do looks at one stretch, however long the journal is."""
    names = {"table": table, "order": order, "column": column}
    last, removed = -1, 0
    while not stop.is_set():
        try:
            async with connection.transaction():
                await connection.execute(IN_ORDER)
                upto = await connection.fetchval(STRETCH.format(**names), last, STRETCH_ROWS)
                status = await connection.execute(OLD.format(**names), last, upto, kept)
        except asyncpg.LockNotAvailableError:
            break  # somebody holds one of them: another time
        count = int(status.removeprefix("DELETE "))
        if not count:
            break
        removed, last = removed + count, upto
    return removed


async def _strokes(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
    table: str,
    condition: str,
    params: Sequence[object],
    stop: asyncio.Event,
) -> int:
    sql, removed = _STROKE.format(table=table, condition=condition), 0
    for page in range(0, await connection.fetchval(_PAGES, table), STROKE_PAGES):
        if stop.is_set():
            break
        with suppress(asyncpg.LockNotAvailableError):
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '100ms'; SET LOCAL polyplus.scope = 'worker'")
                status = await connection.execute(sql, f"({page},0)", f"({page + STROKE_PAGES},0)", *params)
            removed += int(status.removeprefix("DELETE "))
    return removed
