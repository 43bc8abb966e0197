"""The processes under attack: each can be killed, frozen or told to end, and is brought back."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import psutil

from deploy.local.errors import CannotRun
from deploy.local.processes import Child, Processes

API, WORKER, POSTGRES, BROKER = KINDS = ("api", "worker", "PostgreSQL", "broker")
READY_SECONDS = 240.0
_GRACE_SECONDS = 60.0
_LOOK_EVERY = 0.05
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0


class NotBack(CannotRun):
    """A process that was started is not ready in time."""


@dataclass
class Target:
    """One process, with all that it has started itself."""

    name: str
    kind: str
    service: str
    launch: Callable[[], Child]
    ready: Callable[[], Awaitable[bool]]
    alive: Callable[[], Awaitable[bool]]
    """Answers, whatever it stands on; of an engine the same as ready."""
    child: Child | None = None
    frozen: list[psutil.Process] = field(default_factory=list)

    def family(self) -> list[psutil.Process]:
        """The process first: what it could still start is then found among the rest."""
        if self.child is None or self.child.exit_code() is not None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            head = psutil.Process(self.child.started.pid)
            return [head, *head.children(recursive=True)]
        return []


class Targets:
    """All of them, and what can be done to one."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._all: dict[str, Target] = {}

    def __getitem__(self, name: str) -> Target:
        return self._all[name]

    def add(self, target: Target) -> None:
        self._all[target.name] = target

    def names(self) -> list[str]:
        return list(self._all)

    async def start(self, names: Iterable[str]) -> None:
        """Launch them all at once; returns when each is ready."""
        wanted = list(names)
        for name in wanted:
            self._launch(self._all[name])
        await asyncio.gather(*(self.bring_back(name) for name in wanted))

    async def kill(self, name: str) -> None:
        """SIGKILL, the process and all it started."""
        target = self._all[name]
        _send(target.family(), signal.SIGKILL)
        await self._bury(target)

    def freeze(self, name: str) -> None:
        target = self._all[name]
        head = target.family()[:1]
        _send(head, signal.SIGSTOP)
        target.frozen = target.family()
        _send(target.frozen, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        target = self._all[name]
        _send(target.frozen, signal.SIGCONT)
        target.frozen = []

    async def end(self, name: str) -> float:
        """Tells it to end as its supervisor would; how long it took. Raises CannotRun when it does not."""
        target = self._all[name]
        if target.child is None:
            return 0.0
        loop = asyncio.get_running_loop()
        began = loop.time()
        target.child.started.send(target.child.started.signal)
        while target.child.exit_code() is None:
            if loop.time() - began > _GRACE_SECONDS:
                await self.kill(name)
                raise CannotRun(f"{name} was told to end and had not ended {_GRACE_SECONDS:.0f} s later")
            await asyncio.sleep(_LOOK_EVERY)
        await self._bury(target)
        return loop.time() - began

    async def bring_back(self, name: str, seconds: float = READY_SECONDS, *, alive: bool = False) -> None:
        """Starts it, again and later each time when it ends (its engine may be down), until it is ready, or only alive.

        Raises NotBack.
        """
        target, loop = self._all[name], asyncio.get_running_loop()
        end, pause, again_at = loop.time() + seconds, _FIRST_PAUSE, 0.0
        while True:
            if target.child is not None and target.child.exit_code() is not None:
                await self._bury(target)
                again_at, pause = loop.time() + pause, min(2 * pause, _LONGEST_PAUSE)
            if target.child is None and loop.time() >= again_at:
                self._launch(target)
            if await self._is_back(target, target.alive if alive else target.ready):
                return
            if loop.time() > end:
                raise NotBack(f"{name} was not ready within {seconds:.0f} s")
            await asyncio.sleep(0.2)

    def thaw_all(self) -> None:
        for name, target in self._all.items():
            if target.frozen:
                self.thaw(name)

    def _launch(self, target: Target) -> None:
        with contextlib.suppress(CannotRun):  # ended at once: `bring_back` starts it again
            target.child = target.launch()

    async def _is_back(self, target: Target, fact: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return target.child is not None and await fact()
        except CannotRun:
            return False  # an engine says that its process has ended

    async def _bury(self, target: Target) -> None:
        if target.child is not None:
            await asyncio.to_thread(target.child.popen.wait)
            self._processes.forget(target.child)
            target.child = None


def _send(processes: Iterable[psutil.Process], signum: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signum)
