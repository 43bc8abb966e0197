"""A circuit breaker for each partner: after several failures in a row nobody calls there for a while."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FAILURES, PAUSE_SECONDS = 5, 10.0
_failures: dict[str, tuple[int, float]] = {}


class CircuitOpen(ConnectionError):
    """Not called: it failed several times just now."""


@asynccontextmanager
async def guarded(address: str) -> AsyncIterator[None]:
    """Counts the failures of calls to `address`. Raises CircuitOpen; after the pause one call tries."""
    count, until = _failures.get(address, (0, 0.0))
    if count >= FAILURES and time.monotonic() < until:
        raise CircuitOpen(f"{address} failed {count} times in a row; it is left alone for a while")
    try:
        yield
    except Exception:
        _failures[address] = (count + 1, time.monotonic() + PAUSE_SECONDS)
        raise
    _failures.pop(address, None)


def forget() -> None:
    """Every partner is called again, whatever failed before."""
    _failures.clear()
