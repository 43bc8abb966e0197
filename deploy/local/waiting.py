"""Waiting for a fact, with a bound. The fact may raise what makes further waiting useless."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from deploy.local.errors import CannotRun

_EVERY = 0.03
T = TypeVar("T")


def until(fact: Callable[[], bool], *, seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            raise CannotRun(otherwise)
        time.sleep(_EVERY)


async def until_async(fact: Callable[[], bool | Awaitable[bool]], *, seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not (await found if isinstance(found := fact(), Awaitable) else found):
        if time.monotonic() > end:
            raise CannotRun(otherwise)
        await asyncio.sleep(_EVERY)


async def in_background(work: Callable[[], T]) -> T:
    """`asyncio.to_thread` for what may be broken off at any instant: a program that is told to end does not wait for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # handed to whoever waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    return await done
