"""One set-up for several variants that are measured on the same thing."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, TypeVar

from tests.bench.engines import Engines

T = TypeVar("T")


class Shared(Generic[T]):
    """Made by the first that asks, taken down after the last."""

    def __init__(self, make: Callable[[Engines], AbstractAsyncContextManager[T]]) -> None:
        self._make = make
        self._users = 0

    @asynccontextmanager
    async def of(self, engines: Engines) -> AsyncIterator[T]:
        if not self._users:
            self._context = self._make(engines)
            self._made = await self._context.__aenter__()
        self._users += 1
        try:
            yield self._made
        finally:
            self._users -= 1
            if not self._users:
                await self._context.__aexit__(None, None, None)
