"""When the silence of a process that runs is long enough to call it hung."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

ANSWER_SECONDS = 5.0


@dataclass
class Pulse:
    """Looks at one process come every few seconds. Seconds throughout; times are `time.monotonic()`'s."""

    silence: float = 30.0
    """So long nothing was heard of it."""
    misses: int = 4
    """And so often it was asked in vain: one long stall of the machine is no silence of the process."""
    stall: float = 15.0
    """Whoever looks so late was not running either: what it missed does not count."""
    _since: float | None = None
    _missed: int = 0
    _looked: float | None = None

    def hung(self, now: float, *, answered: bool) -> float | None:
        """Takes the outcome of one look; how long the process has been silent, once that is too long."""
        stalled = self._looked is not None and now - self._looked > self.stall
        self._looked = now
        if answered or stalled or self._since is None:
            self._since, self._missed = now, 0
        if answered or stalled:
            return None
        self._missed += 1
        silent = now - self._since
        return silent if silent >= self.silence and self._missed >= self.misses else None


async def speaks(url: str, path: str = "/healthz") -> bool:
    """Whether the process behind an address does anything about a request: an error, or a closed connection, is a sign of life too."""
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
                await reader.readline()
            finally:
                writer.close()
    except ConnectionResetError:
        return True
    except (OSError, TimeoutError):
        return False
    return True
