"""Which services hang: they take connections and answer nothing. A request to one of those is refused at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()
_EVERY_SECONDS = 1.0


class Pulses:
    """A service of which requests have heard nothing for `patience` seconds, and which does not say that it is well for as long
    again, is `silent` until it does. Nobody asks while its requests are answered, or when there are none.
    """

    def __init__(self, well: Callable[[str, float], Awaitable[bool]], *, patience: float) -> None:
        self._well, self._patience = well, patience
        self._waiting: dict[str, set[asyncio.Timeout]] = {}
        self._heard: dict[str, float] = {}
        self._silent: set[str] = set()

    def is_silent(self, service: str) -> bool:
        return service in self._silent

    @contextmanager
    def heard(self, service: str) -> Iterator[asyncio.Timeout]:
        """Around one request until its answer begins, within the timeout that this gives: it ends when the service is found silent."""
        waiting = self._waiting.setdefault(service, set())
        if not waiting:
            self._heard[service] = asyncio.get_running_loop().time()
        timeout = asyncio.timeout(None)
        waiting.add(timeout)
        try:
            yield timeout
            self._heard[service] = asyncio.get_running_loop().time()
        finally:
            waiting.discard(timeout)

    async def listen(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            for outcome in await asyncio.gather(*map(self._ask, self._doubtful()), return_exceptions=True):
                if isinstance(outcome, Exception):  # whatever it is: who does not look refuses what is silent for ever
                    log.error("cannot look whether a service hangs", exc_info=outcome)

    def _doubtful(self) -> list[str]:
        late = asyncio.get_running_loop().time() - self._patience
        unheard = {service for service, waiting in self._waiting.items() if waiting and self._heard[service] < late}
        return sorted(self._silent | unheard)

    async def _ask(self, service: str) -> None:
        if await self._well(service, self._patience):
            self._heard[service] = asyncio.get_running_loop().time()
            if service in self._silent:
                self._silent.discard(service)
                log.info("a service answers again", upstream=service)
            return
        if service not in self._silent:
            self._silent.add(service)
            log.warning("a service hangs: requests to it are refused until it answers", upstream=service)
        for timeout in self._waiting.get(service, ()):
            if timeout.when() is None:
                timeout.reschedule(asyncio.get_running_loop().time())
