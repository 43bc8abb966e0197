"""Looks at every database from outside, again and again during a run, and writes what it saw into the history.

A database that forgot a commit in a crash forgets what its triggers wrote as well; what was seen from outside stays. A line of
kind `sample` has `service` and `offsets` ({"consumer topic partition": next}), `epoch` and `horizon` (the relay's), `outbox` (the
highest id), `generation` (the timers' newest), `timers`, `overdue` (timers due by the database's clock), `jobs`, and for rma
`stock` ({id: [on hand, reserved, quarantined]}).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import asyncpg

from tests.faults.history import History

_LOOK = """
SELECT coalesce((SELECT jsonb_object_agg(concat_ws(' ', consumer, topic, partition), next) FROM consumer_offsets), '{}') AS offsets,
       (SELECT epoch FROM relay_position) AS epoch, (SELECT pg_snapshot_xmax(cur)::text FROM relay_position) AS horizon,
       (SELECT coalesce(max(id), 0) FROM outbox) AS outbox, (SELECT last_value FROM timer_generations) AS generation,
       (SELECT count(*) FROM timers) AS timers, (SELECT count(*) FROM timers WHERE due_at <= app_now()) AS overdue,
       (SELECT count(*) FROM jobs) AS jobs
"""
_STOCK = "SELECT coalesce(jsonb_object_agg(id, jsonb_build_array(on_hand, reserved, quarantined)), '{}') FROM stock"
_PATIENCE_SECONDS = 2.0


async def sample(owner_urls: Mapping[str, str], history: History, stop: asyncio.Event, *, every: float = 0.5) -> None:
    """Samples every `every` seconds until told to stop. A database that does not answer is passed over: it may be what is broken."""
    await asyncio.gather(*(_watch(service, url, history, stop, every) for service, url in owner_urls.items()))


async def _watch(service: str, url: str, history: History, stop: asyncio.Event, every: float) -> None:
    while not stop.is_set():
        with suppress(
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
        ):
            connection = await asyncpg.connect(url, timeout=_PATIENCE_SECONDS, command_timeout=_PATIENCE_SECONDS)
            try:
                while not stop.is_set():
                    history.sample(service, **await look(connection, stock=service == "rma"))
                    await _wait(stop, every)
            finally:
                connection.terminate()
        await _wait(stop, every)


async def look(connection: asyncpg.Connection[asyncpg.Record], *, stock: bool) -> dict[str, Any]:
    """One look, in one snapshot for all but the stock."""
    row = await connection.fetchrow(_LOOK)
    assert row is not None
    seen = {**row, "offsets": json.loads(row["offsets"])}
    return {**seen, "stock": json.loads(await connection.fetchval(_STOCK))} if stock else seen


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
