"""One transaction for the whole batch: raw asyncpg, arrays through unnest."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tests.bench.peers.faststream_consumer.facts import OUTBOX, TOPIC, Received, outbox_row, pool

CLAIM = """
INSERT INTO inbox (consumer, topic, event_id) SELECT $1, $2, e FROM unnest($3::uuid[]) e
ON CONFLICT DO NOTHING RETURNING event_id
"""
_KNOWN = "SELECT id, readings FROM device_files WHERE id = ANY($1) ORDER BY id FOR UPDATE"
_FOLLOW = """
INSERT INTO device_files AS f (id, version, revision, account_id, readings, temperature, taken_at)
SELECT i, n, 0, a, n, t, at FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::float8[], $5::timestamptz[]) AS u(i, a, n, t, at)
ON CONFLICT (id) DO UPDATE SET version = f.version + excluded.readings - f.readings, revision = f.revision + 1,
       readings = excluded.readings, temperature = excluded.temperature, taken_at = excluded.taken_at
"""
EMIT = f"""
INSERT INTO outbox ({", ".join(OUTBOX)})
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::bigint[], $8::uuid[], $9::text[],
                     $10::text[], $11::timestamptz[], $12::bytea[])
"""


async def follow(group: str, came: Sequence[Received]) -> None:
    """Claims, follows, emits; commits."""
    async with (await pool()).acquire() as connection, connection.transaction():
        claimed = {r["event_id"] for r in await connection.fetch(CLAIM, group, TOPIC, [c.event_id for c in came])}
        fresh = [c for c in came if c.event_id in claimed]
        if not fresh:
            return
        newest = {c.reading.device_id: c.reading for c in fresh}
        known = await connection.fetch(_KNOWN, list(newest))
        numbers = dict.fromkeys(newest, 0) | {r["id"]: r["readings"] for r in known}
        now, rows = datetime.now(UTC), []
        for one in fresh:
            numbers[one.reading.device_id] += 1
            rows.append(outbox_row(group, one, numbers[one.reading.device_id], now))
        files = [(id, r.account_id, numbers[id], r.temperature, r.taken_at) for id, r in newest.items()]
        await connection.execute(_FOLLOW, *zip(*files, strict=True))
        await connection.execute(EMIT, *zip(*rows, strict=True))
