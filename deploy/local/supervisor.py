"""Keeps the parts of the stack running: starts, waits until ready, starts again what crashed, stops."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from deploy.local.errors import CannotRun
from deploy.local.identity import stop_all
from deploy.local.log_files import bound
from deploy.local.processes import Child, Processes
from deploy.local.pulse import Pulse

READY_SECONDS = 90
_LOOK_EVERY = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STEADY_SECONDS = 30  # a process that lived this long starts with the first pause again


@dataclass
class Unit:
    """One process that should run: how to launch it, and the fact that says it is ready."""

    name: str
    launch: Callable[[], Child]
    ready: Callable[[], Awaitable[bool]]
    alive: Callable[[], Awaitable[bool]] | None = None
    """Whether it gives any sign of life; None: its exit code alone tells."""
    wanted: bool = False
    child: Child | None = None
    started_at: float = 0
    pause: float = _FIRST_PAUSE
    crash: str | None = None
    hung: str | None = None
    """How long it had been silent when it was killed for that."""
    again_at: float = field(default=0, repr=False)


class Supervisor:
    def __init__(
        self,
        processes: Processes,
        say: Callable[[str], None],
        *,
        listen_every: float = 5.0,
        pulse: Callable[[], Pulse] = Pulse,
    ) -> None:
        self._processes, self._say = processes, say
        self._listen_every, self._pulse = listen_every, pulse
        self._units: dict[str, Unit] = {}

    def add(self, unit: Unit) -> None:
        self._units[unit.name] = unit

    async def start(self, names: Iterable[str]) -> None:
        """Launch them all at once, then wait until each is ready."""
        units = [self._units[name] for name in names]
        for unit in units:
            unit.wanted, unit.crash = True, None
            if unit.child is None:
                self._launch(unit)
        await asyncio.gather(*(self._until_ready(unit) for unit in units))

    async def until_ready(self, name: str) -> None:
        await self._until_ready(self._units[name], may_crash=True)

    async def stop(self, name: str) -> None:
        """Politely; it stays down until it is started."""
        unit = self._units[name]
        unit.wanted = False
        if unit.child is not None:
            await asyncio.to_thread(stop_all, [unit.child.started])
            self._bury(unit)

    async def restart(self, name: str) -> None:
        """Stops it politely, starts it, and returns when it is ready. Raises CannotRun when there is no such part or it is not ready
        in time; it goes on being supervised then."""
        if name not in self._units:
            raise CannotRun(f"nothing here is called {name!r}; there are {', '.join(self._units)}")
        await self.stop(name)
        unit = self._units[name]
        unit.wanted, unit.crash, unit.again_at = True, None, 0
        await self._until_ready(unit, may_crash=True)

    async def kill(self, name: str, *, restart: bool = True) -> None:
        """SIGKILL, as a crash would have it; `restart` leaves the rest to `watch`."""
        unit = self._units[name]
        unit.wanted = restart
        if unit.child is not None:
            unit.child.started.send(signal.SIGKILL, group=True)
            await asyncio.to_thread(unit.child.popen.wait)
            if not restart:
                self._bury(unit)

    async def watch(self) -> None:
        """For ever: what crashed is started again, later each time, what hangs is killed, and no log grows without bound."""
        beside = [asyncio.create_task(self._listen(unit)) for unit in self._units.values() if unit.alive is not None]
        beside.append(asyncio.create_task(self._bound_logs()))
        try:
            await self._look_for_ever()
        finally:
            for task in beside:
                task.cancel()

    async def _look_for_ever(self) -> None:
        while True:
            for unit in self._units.values():
                if unit.child is not None and unit.child.exit_code() is not None:
                    self._note_crash(unit)
                if unit.wanted and unit.child is None and time.monotonic() >= unit.again_at:
                    self._relaunch(unit)
            await asyncio.sleep(_LOOK_EVERY)

    async def _listen(self, unit: Unit) -> None:
        """To one process after another of the unit. A new one has as long to begin as a start gives it."""
        assert unit.alive is not None
        child, pulse, spoken = None, self._pulse(), False
        while True:
            await asyncio.sleep(self._listen_every)
            if unit.child is not child:
                child, pulse, spoken = unit.child, self._pulse(), False
            if child is None or child.exit_code() is not None:
                continue
            answered = await unit.alive()
            silent = pulse.hung(time.monotonic(), answered=answered)
            spoken = spoken or answered or time.monotonic() - unit.started_at > READY_SECONDS
            if silent is not None and spoken and unit.wanted and unit.child is child:
                unit.hung = f"{unit.name} had not answered for {silent:.0f} s and was killed"
                child.started.send(signal.SIGKILL, group=True)

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(self._listen_every)
            for child in self._processes.children():
                await asyncio.to_thread(bound, child.log)

    def _launch(self, unit: Unit) -> None:
        unit.child, unit.started_at, unit.hung = unit.launch(), time.monotonic(), None

    def _relaunch(self, unit: Unit) -> None:
        try:
            self._launch(unit)
        except CannotRun as reason:
            self._postpone(unit, str(reason))

    def _note_crash(self, unit: Unit) -> None:
        assert unit.child is not None
        how, lived = ending(unit.child), time.monotonic() - unit.started_at
        unit.crash = f"{unit.name} ended ({how}); its log is {unit.child.log}\n{unit.child.last_words()}"
        self._bury(unit)
        if lived >= _STEADY_SECONDS:
            unit.pause = _FIRST_PAUSE
        if unit.wanted:
            self._postpone(unit, unit.hung or f"{unit.name} ended ({how})")

    def _postpone(self, unit: Unit, reason: str) -> None:
        self._say(f"{reason}; starting it again in {unit.pause:g} s")
        unit.again_at = time.monotonic() + unit.pause
        unit.pause = min(unit.pause * 2, _LONGEST_PAUSE)

    def _bury(self, unit: Unit) -> None:
        if unit.child is not None:
            self._processes.forget(unit.child)
            unit.child = None

    async def _until_ready(self, unit: Unit, *, may_crash: bool = False) -> None:
        until = time.monotonic() + READY_SECONDS
        while not (unit.child is not None and unit.child.exit_code() is None and await unit.ready()):
            if unit.child is not None and unit.child.exit_code() is not None:
                self._note_crash(unit)
            if unit.crash is not None and not may_crash:
                unit.wanted = False
                raise CannotRun(unit.crash)
            if time.monotonic() > until:
                log = f"; its log is {unit.child.log}\n{unit.child.last_words()}" if unit.child else ""
                raise CannotRun(f"{unit.name} was not ready within {READY_SECONDS} s{log}")
            await asyncio.sleep(_LOOK_EVERY)


def ending(child: Child) -> str:
    code = child.exit_code()
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


async def answers(url: str, path: str = "/readyz") -> bool:
    """Whether an HTTP process says 200, without taking an HTTP client aboard."""
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
