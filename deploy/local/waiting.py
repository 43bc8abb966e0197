"""Waiting for a fact, with a bound. The fact may raise what makes further waiting useless."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from deploy.local.errors import CannotRun

_EVERY = 0.03


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
