"""A process' own state for Prometheus: is it ready, is its event loop free, its pool, its disk."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from shutil import disk_usage

from prometheus_client import Gauge, Histogram

from libs.bus.waiting import within
from libs.kit.health import Check, outcome
from libs.kit.telemetry import gauge, histogram
from libs.store import Database

LOOK_SECONDS = 5.0
_check_up: Gauge = gauge("check_up", "1 while this check of readiness passes.", ["check"])
_connections: Gauge = gauge("db_pool_connections", "Connections of the pool.", ["state"])
_limit: Gauge = gauge("db_pool_connections_limit", "The most the pool opens.")
_loop_lag: Histogram = histogram("event_loop_lag_seconds", "How much later than asked the event loop came back.")
_disk_free: Gauge = gauge("disk_free_bytes", "Room on the disk that this process runs from.")
_disk_size: Gauge = gauge("disk_size_bytes", "Size of the disk that this process runs from.")


async def watch_vitals(database: Database, checks: Mapping[str, Check], stop: asyncio.Event) -> None:
    """Keeps these values fresh until told to stop; a scrape only reads them."""
    _limit.set(database.pool.get_max_size())
    looked, loop = -LOOK_SECONDS, asyncio.get_running_loop()
    while not stop.is_set():
        asked = loop.time()
        await within(0.5, stop)
        if not stop.is_set():
            _loop_lag.observe(max(0.0, loop.time() - asked - 0.5))
        if loop.time() - looked >= LOOK_SECONDS:
            looked = loop.time()
            await _look(database, checks)


async def _look(database: Database, checks: Mapping[str, Check]) -> None:
    for name, found in zip(checks, await asyncio.gather(*map(outcome, checks.values())), strict=True):
        _check_up.labels(name).set(found == "ok")
    idle = database.pool.get_idle_size()
    _connections.labels("idle").set(idle)
    _connections.labels("used").set(database.pool.get_size() - idle)
    with suppress(OSError):
        disk = disk_usage(".")
        _disk_free.set(disk.free)
        _disk_size.set(disk.total)
