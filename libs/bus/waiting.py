"""Waiting for something to happen, but not for ever."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Waits for the event, so long at most; whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


@contextmanager
def woken_at(stop: asyncio.Event, wake: asyncio.Event) -> Iterator[None]:
    """Who waits for `wake` meanwhile is woken by `stop` too."""
    watching = asyncio.ensure_future(stop.wait())
    watching.add_done_callback(lambda _: wake.set())
    try:
        yield
    finally:
        watching.cancel()
