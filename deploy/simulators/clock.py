"""What time it is in the sandbox: the real time and the offset that `platform.clock` last carried."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import structlog

from libs.store.reasons import reason

log = structlog.get_logger()
_RETRY_SECONDS = 2.0


class SandboxClock:
    """Now, in UTC. Without Kafka the offset stays zero."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset
        self._woken = asyncio.Event()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def move(self, offset: timedelta) -> None:
        """Takes a new offset."""
        self.offset = offset
        self.wake()

    def wake(self) -> None:
        """Has whoever waits look again: the clock or what waits for it has changed."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Returns when woken, or after so many real seconds. For one waiter."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return
        self._woken.clear()

    async def follow(self) -> None:
        """Follows `platform.clock` for ever, through broker outages; ends at once when no Kafka is configured."""
        bootstrap = os.environ.get("POLYPLUS_KAFKA_BOOTSTRAP")
        if not bootstrap:
            return
        from libs.bus.clock import follow_clock

        user, password = (os.environ[f"POLYPLUS_SIMULATORS_KAFKA_{what}"] for what in ("USER", "PASSWORD"))
        while True:
            try:
                async for offset in follow_clock(bootstrap, user, password):
                    self.move(offset)
            except Exception as error:  # whatever it is, the clock of the sandbox outlives it
                log.warning("the sandbox clock is out of reach", error=reason(error))
            await asyncio.sleep(_RETRY_SECONDS)
