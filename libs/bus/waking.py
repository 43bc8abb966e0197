"""Whoever takes up what a commit has left is woken at once, in whichever process of the service it runs.

Within a process `Database.waking` does it, between processes a NOTIFY that says what was left. All of them look by themselves
too, seldom: a NOTIFY can be lost with a connection.
"""

import asyncio
from contextlib import suppress
from typing import Any, get_args

import asyncpg

from libs.bus.waiting import woken_at
from libs.store import Database
from libs.store.pending import Left

CHANNEL = "polyplus_outbox"
_LEFT: tuple[Left, ...] = get_args(Left)


async def notify(connection: Any, *whats: Left) -> None:
    """Tells every process that listens what was left."""
    await connection.execute("SELECT pg_notify($1, what) FROM unnest($2::text[]) AS what", CHANNEL, list(whats))


async def notify_workers(database: Database, stop: asyncio.Event) -> None:
    """For a process without a worker's loops. One NOTIFY stands for all commits since the last.

    It comes from a connection of its own after the commit; inside the business transaction it would cost half the throughput.
    """
    left, some = set[Left](), asyncio.Event()

    def note(what: Left) -> None:
        left.add(what)
        some.set()

    with database.waking(note, *_LEFT), woken_at(stop, some):
        while not stop.is_set():
            await some.wait()
            some.clear()
            told, left = left, set()
            if not told:
                continue
            # The workers' own looks are the safety net.
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
                async with database.pool.acquire() as connection:
                    await notify(connection, *told)
