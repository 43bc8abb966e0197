"""A supervisor in a process of its own, to be killed: with children of its own, or with a stack of the engines alone or of one service."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.identity import start_mark
from deploy.local.processes import ROOT, Child, Processes
from deploy.local.stack import Stack, to_stderr
from deploy.local.supervisor import Supervisor, Unit
from deploy.local.waiting import until_async
from deploy.services import SERVICES

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
PLAIN = "import time; print('ready', flush=True); time.sleep(600)"


@contextmanager
def a_supervisor(
    what: str, home: Path, *, root: Path = ROOT, env: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """The supervisor, once everything under it is up, and the pids of what it started."""
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "deploy.local.tests.supervised", what, str(home)],
        cwd=root,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with supervisor:
        assert supervisor.stdout is not None
        word, *pids = supervisor.stdout.readline().split()
        assert word == "up"
        yield supervisor, [int(pid) for pid in pids]
        supervisor.kill()


def all_gone(pids: list[int]) -> bool:
    return all(start_mark(pid) is None for pid in pids)


async def stack(home: Path, *services: str) -> None:
    async with Stack(home, services=services, simulators=(), environ={}) as stack:
        print("up", *(child.started.pid for child in stack.children()), flush=True)
        await stack.forever()


def children(home: Path) -> None:
    processes = Processes(home / "run", home / "logs")
    started = [
        processes.start(name, [sys.executable, "-c", code], env={}, wave=wave, grace=1)
        for name, code, wave in (("plain", PLAIN, 1), ("stubborn", STUBBORN, 0))
    ]
    print("up", *(child.started.pid for child in started), flush=True)
    sys.stdin.read()


def modules(home: Path) -> None:
    processes = Processes(home / "run", home / "logs", preload=["json"])
    program = [sys.executable, "-m", "deploy.local.tests.program", "stay"]
    started = [processes.start(name, program, env={}, wave=1, grace=1) for name in ("one", "other")]
    print("up", *(child.started.pid for child in started), flush=True)
    sys.stdin.read()


async def on_a_disk(home: Path) -> None:
    """One program; told `full`, nothing that this process or what it starts writes finds room, until told `room`."""
    processes = Processes(home / "run", home / "logs")

    def launch() -> Child:
        return processes.start("one", [sys.executable, "-c", PLAIN], env={}, wave=1, grace=1)

    async def ready() -> bool:
        return unit.child is not None and "ready" in unit.child.last_words(1)

    unit = Unit("one", launch, ready)
    supervisor = Supervisor(processes, to_stderr)
    supervisor.add(unit)
    await supervisor.start(["one"])
    watch = asyncio.create_task(supervisor.watch())
    print("up", *(child.started.pid for child in processes.children()), flush=True)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if word == "kill":
            await supervisor.kill("one")
            await until_async(lambda: watch.done() or unit.child is None, seconds=60, otherwise="it was not buried")
        elif word == "until ready":
            await supervisor.until_ready("one")
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0 if word == "full" else most, most))
        print("gone" if watch.done() else "watching", flush=True)


if __name__ == "__main__":
    what, home = sys.argv[1], Path(sys.argv[2])
    if what in ("engines", "activity"):
        asyncio.run(stack(home, *([what] if what in SERVICES else [])))
    elif what == "disk":
        asyncio.run(on_a_disk(home))
    else:
        {"children": children, "modules": modules}[what](home)
