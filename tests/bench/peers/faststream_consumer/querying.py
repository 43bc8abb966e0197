"""One transaction for the batch, in which the handler asks and writes for each reading: raw asyncpg, prepared once."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tests.bench.peers.faststream_consumer.bulk import CLAIM
from tests.bench.peers.faststream_consumer.facts import OUTBOX, TOPIC, Received, outbox_row, pool

_FIND = "SELECT readings FROM device_files WHERE id = $1 FOR UPDATE"
_NEW = "INSERT INTO device_files (id, version, revision, account_id, readings, temperature, taken_at) VALUES ($1, 1, 0, $2, 1, $3, $4)"
_FOLLOW = """
UPDATE device_files SET version = version + 1, revision = revision + 1, readings = $2, temperature = $3, taken_at = $4 WHERE id = $1
"""
_EMIT = f"INSERT INTO outbox ({', '.join(OUTBOX)}) VALUES ({', '.join(f'${n + 1}' for n in range(len(OUTBOX)))})"


async def follow(group: str, came: Sequence[Received]) -> None:
    """Claims them together; follows and emits one by one; commits."""
    async with (await pool()).acquire() as connection, connection.transaction():
        claimed = {r["event_id"] for r in await connection.fetch(CLAIM, group, TOPIC, [c.event_id for c in came])}
        now = datetime.now(UTC)
        for one in came:
            if one.event_id not in claimed:
                continue
            r = one.reading
            known = await connection.fetchval(_FIND, r.device_id)
            number = (known or 0) + 1
            if known is None:
                await connection.execute(_NEW, r.device_id, r.account_id, r.temperature, r.taken_at)
            else:
                await connection.execute(_FOLLOW, r.device_id, number, r.temperature, r.taken_at)
            await connection.execute(_EMIT, *outbox_row(group, one, number, now))
