"""Waiting for something to happen, but not for ever."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Waits for the event, so long at most; whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None if the event is set before, which cancels it."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        waiting.cancel()
        if working.cancel():
            await asyncio.wait((working,))


@contextmanager
def woken_at(stop: asyncio.Event, wake: asyncio.Event) -> Iterator[None]:
    """Who waits for `wake` meanwhile is woken by `stop` too."""
    watching = asyncio.ensure_future(stop.wait())
    watching.add_done_callback(lambda _: wake.set())
    try:
        yield
    finally:
        watching.cancel()
