"""The whole of Poly+ on one machine: engines, databases, topics, migrations, services, simulators."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.local import environment as environments
from deploy.local import lock, prometheus
from deploy.local.control import Control, forget_asked
from deploy.local.engines import Engines
from deploy.local.environment import Environment
from deploy.local.errors import CannotRun
from deploy.local.members import DEFAULT_PORTS, OPS_PORT, SIMULATORS, member, sandbox_peers
from deploy.local.ports import HOST, Ports
from deploy.local.processes import ROOT, Child, Processes, stop_leftovers
from deploy.local.pulse import speaks
from deploy.local.supervisor import Supervisor, Unit, answers, ending
from deploy.local.waiting import until_async
from deploy.services import SERVICES

HOME = ROOT / ".polyplus"
_NEEDED_BYTES = 2_000_000_000
_MIGRATION_SECONDS = 120
SHARED = (
    "libs.kit.calendar_data", "libs.kit.http", "libs.kit.listing", "libs.kit.patch", "libs.kit.policy_routes", "libs.kit.service", "libs.kit.states",
    "libs.kit.webhooks", "uvloop", "uvicorn.loops.auto", "uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.on",
)  # fmt: skip
"""What most services import: once for all of them, not once for each."""


def _told_of_telemetry(environ: Mapping[str, str]) -> dict[str, str]:
    """OpenTelemetry's own variables (where a collector is, what is sampled) go to every process as they are."""
    return {name: value for name, value in environ.items() if name.startswith("OTEL_")}


def _in_words(trouble: OSError) -> CannotRun:
    """A full disk, a folder that is not ours, no more file handles."""
    return CannotRun(
        f"the stack cannot start: {trouble.strerror or trouble}"
        + (f" ({trouble.filename})" if trouble.filename else "")
    )


def to_stderr(line: str) -> None:
    with contextlib.suppress(OSError):  # a full disk, or nobody who reads
        print(line, file=sys.stderr, flush=True)


class Stack:
    """`async with Stack(home) as stack:` everything is up inside and nothing is left after.

    `env` is what `.polyplus/env` holds. `stop`, `start` and `kill` take a service, a simulator, `postgres` or `kafka`.
    """

    def __init__(
        self,
        home: Path = HOME,
        *,
        services: Sequence[str] = SERVICES,
        simulators: Sequence[str] = SIMULATORS,
        environ: Mapping[str, str] | None = None,
        say: Callable[[str], None] = to_stderr,
        needed_bytes: int = _NEEDED_BYTES,
    ) -> None:
        self.home = home
        self.env: Environment = {}
        self._names = (*simulators, *services)
        self._migrated = tuple(services)
        self._environ = dict(os.environ) if environ is None else dict(environ)
        self._say, self._needed = say, needed_bytes
        self._lock: IO[str] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._control: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        began = time.monotonic()
        self._take_home()
        self._ports = Ports(self._environ)
        self._processes = Processes(self.home / "run", self.home / "logs", preload=SHARED)
        self._supervisor = Supervisor(self._processes, self._say)
        try:
            await self._bring_up(began)
        except BaseException as trouble:
            await self._take_down()
            if isinstance(trouble, OSError):
                raise _in_words(trouble) from trouble
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._take_down()

    async def stop(self, name: str) -> None:
        """Politely; it stays down until `start`."""
        await self._supervisor.stop(name)

    async def start(self, name: str) -> None:
        """Returns when it is ready."""
        await self._supervisor.start([name])

    async def kill(self, name: str, *, restart: bool = True) -> None:
        """SIGKILL. The supervisor starts it again, unless told otherwise."""
        await self._supervisor.kill(name, restart=restart)

    async def until_ready(self, name: str) -> None:
        """For use after `kill`."""
        await self._supervisor.until_ready(name)

    def children(self) -> list[Child]:
        return self._processes.children()

    def nursery_pid(self) -> int | None:
        """The process that services and simulators are forked from; None where they are not."""
        return self._processes.nursery_pid()

    async def forever(self) -> None:
        """Until cancelled."""
        assert self._watch is not None
        await self._watch

    def _take_home(self) -> None:
        try:
            self._lock_home()
        except OSError as trouble:
            raise _in_words(trouble) from trouble

    def _lock_home(self) -> None:
        if self.home == HOME or not self.home.exists():
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.home.chmod(
                self.home.stat().st_mode & 0o710
            )  # the group is PostgreSQL's user's where root lends it one
        free = shutil.disk_usage(self.home).free
        if free < self._needed:
            raise CannotRun(
                f"only {free / 1e9:.1f} GB free under {self.home}, {self._needed / 1e9:.1f} GB needed: make room first"
            )
        (self.home / "run").mkdir(mode=0o700, exist_ok=True)
        self._lock = lock.take(self.home)
        forget_asked(self.home)
        left = stop_leftovers(self.home / "run", self._say)
        if left:
            self._say(f"stopped what an earlier run had left: {', '.join(sorted(left))}")

    async def _bring_up(self, began: float) -> None:
        ports = self._ports
        self._processes.warm()
        self.env = environments.with_credentials(environments.read(self.home))
        self.env["POLYPLUS_HOME"] = str(self.home.resolve())
        environments.write(self.home, self.env)
        for name in (*SERVICES, *SIMULATORS, OPS_PORT):
            self.env[f"POLYPLUS_{name.upper()}_URL"] = (
                f"http://{HOST}:{ports.choose(f'POLYPLUS_{name.upper()}_PORT', DEFAULT_PORTS[name])}"
            )
        self.env["POLYPLUS_SANDBOX_PEERS"] = sandbox_peers(self.env)
        prometheus.write(self.home, self.env)
        self._say("starting PostgreSQL and Kafka")
        await Engines(self.home, self.env, self._environ).bring_up(self._processes, self._supervisor, ports)
        environments.write(self.home, self.env)
        self._say(f"engines are up, databases and topics made ({time.monotonic() - began:.1f} s); migrating")
        await self._migrate()
        self._say(f"starting {len(self._names)} processes ({time.monotonic() - began:.1f} s)")
        for name in self._names:
            self._supervisor.add(self._unit(name))
        await self._supervisor.start(self._names)
        self._watch = asyncio.create_task(self._supervisor.watch())
        self._control = asyncio.create_task(Control(self.home, self._supervisor, self._say).run())
        self._say(f"everything is ready ({time.monotonic() - began:.1f} s): {self.env['POLYPLUS_GATEWAY_URL']}")

    async def _migrate(self) -> None:
        if not self._migrated:
            return
        owners = {
            name: self.env[name] for name in (f"POLYPLUS_{service.upper()}_OWNER_URL" for service in self._migrated)
        }
        child = self._processes.start(
            "migrate", [sys.executable, "-m", "deploy.cli", "migrate", *self._migrated], env=owners, wave=1
        )
        late = f"migrating took more than {_MIGRATION_SECONDS} s; its log is {child.log}"
        await until_async(lambda: child.exit_code() is not None, seconds=_MIGRATION_SECONDS, otherwise=late)
        failed = child.exit_code() != 0
        self._processes.forget(child)
        if failed:
            raise CannotRun(f"migrating failed ({ending(child)}); its log is {child.log}\n{child.last_words()}")

    def _unit(self, name: str) -> Unit:
        planned = member(name, self.env)
        told = {**planned.env, **_told_of_telemetry(self._environ)}

        def launch() -> Child:
            return self._processes.start(name, planned.argv, env=told, wave=1)

        async def ready() -> bool:
            return await answers(planned.url)

        return Unit(name, launch, ready, lambda: speaks(planned.health_url))

    async def _take_down(self) -> None:
        tasks = [task for task in (self._watch, self._control) if task is not None]
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                self._say(f"the supervisor had ended by itself: {ended!r}")
        self._watch = self._control = None
        await asyncio.to_thread(self._processes.stop_all)
        self._ports.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
