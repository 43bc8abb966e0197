"""How the journal forgets: the oldest first, and without a look at all the rest."""

from datetime import datetime, timedelta

from libs.bus.retention import IN_ORDER, OLD, STRETCH, STRETCH_ROWS, Retention, sweep
from tests.support.harness import Harness

DAYS = Retention(journal=("activity_events", "seq", "time", timedelta(days=30)))
_NAMES = {"table": "activity_events", "order": "seq", "column": "time"}
_FILL = """
INSERT INTO activity_events (seq, event_id, topic, type, subject, version, case_id, visibility, time, actor, data)
SELECT n, gen_random_uuid(), 't.events', 'polyplus.t.x.v1', gen_random_uuid(), 1, gen_random_uuid(), 'internal',
       $3::timestamptz, 'system', jsonb_build_object('text', repeat('x', 200)) FROM generate_series($1::bigint, $2::bigint) AS n
"""
_BLOCKS = "SELECT heap_blks_read + heap_blks_hit FROM pg_statio_user_tables WHERE relname = 'activity_events'"


async def fill(activity: Harness, first: int, last: int, at: datetime) -> None:
    async with activity.transaction() as tx:
        await tx.connection.execute(_FILL, first, last, at)


async def positions(activity: Harness) -> tuple[int, int]:
    """How many rows there are, and the lowest position."""
    async with activity.transaction() as tx:
        row = await tx.connection.fetchrow("SELECT count(*), min(seq) FROM activity_events")
        assert row
        return row[0], row[1]


async def blocks(activity: Harness) -> int:
    """How many pages of the journal have been looked at so far, by anybody."""
    async with activity.database.pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        return int(await connection.fetchval(_BLOCKS))


async def flushed(activity: Harness) -> None:
    """Every connection of the pool has told what it did."""
    connections = [await activity.database.pool.acquire() for _ in range(activity.database.pool.get_size())]
    for connection in connections:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    for connection in connections:
        await activity.database.pool.release(connection)


async def looked_at_by(activity: Harness) -> int:
    """How many pages one sweep looks at."""
    await flushed(activity)
    before = await blocks(activity)
    await sweep(activity.database, DAYS)
    await flushed(activity)
    return await blocks(activity) - before


async def test_a_sweep_with_nothing_to_do_looks_at_one_stretch_however_long_the_journal_is(activity: Harness) -> None:
    now = await activity.now()
    await fill(activity, 1, 20_000, now - timedelta(days=1))
    async with activity.database.pool.acquire() as connection:
        pages = await connection.fetchval("SELECT pg_relation_size('activity_events') / 8192")
    few = min([await looked_at_by(activity) for _ in range(5)])  # autovacuum may be looking too
    assert pages > 800
    assert few < pages / 4, f"{few} of {pages} pages"


async def test_no_statement_of_it_scans_the_table(activity: Harness) -> None:
    await fill(activity, 1, 20_000, await activity.now() - timedelta(days=1))
    await activity.analyze("activity_events")
    plans = []
    async with activity.transaction() as tx:
        await tx.connection.execute(IN_ORDER)
        for sql, arguments in ((STRETCH, (-1, STRETCH_ROWS)), (OLD, (-1, STRETCH_ROWS, timedelta(days=30)))):
            rows = await tx.connection.fetch(f"EXPLAIN {sql.format(**_NAMES)}", *arguments)
            plans.append("\n".join(row[0] for row in rows))
    for plan in plans:
        assert "activity_events_pkey" in plan
        assert "Seq Scan" not in plan
    assert "Index Only Scan" in plans[0] or "Index Scan" in plans[0], (
        "in the order of the index, so that it ends with the stretch"
    )
    assert "Sort" not in plans[0]


async def test_what_is_old_goes_in_the_order_of_the_journal_and_what_is_out_of_order_goes_with_its_neighbours(
    activity: Harness,
) -> None:
    now = await activity.now()
    old, recent = now - timedelta(days=31), now - timedelta(days=1)
    await fill(activity, 1, 2_500, old)
    await fill(activity, 2_501, 2_501, recent)  # a little out of order
    await fill(activity, 2_502, 2_600, old)
    await fill(activity, 2_601, 5_000, recent)
    await fill(activity, 5_001, 5_001, old)  # a relay that was away for a month
    await sweep(activity.database, DAYS)
    count, first = await positions(activity)
    assert (count, first) == (2_402, 2_501)


async def test_what_somebody_holds_waits_for_the_next_sweep(activity: Harness) -> None:
    await fill(activity, 1, 10, await activity.now() - timedelta(days=31))
    async with activity.transaction() as held:
        await held.connection.execute("SELECT FROM activity_events WHERE seq = 5 FOR UPDATE")
        await sweep(activity.database, DAYS)
        assert (await positions(activity))[0] == 10
    await sweep(activity.database, DAYS)
    async with activity.transaction() as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM activity_events") == 0
