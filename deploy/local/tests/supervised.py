"""A supervisor in a process of its own, to be killed: with children of its own, or with the engines of a stack."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.identity import start_mark
from deploy.local.processes import ROOT, Processes
from deploy.local.stack import Stack

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
PLAIN = "import time; print('ready', flush=True); time.sleep(600)"


@contextmanager
def a_supervisor(what: str, home: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """The supervisor, once everything under it is up, and the pids of what it started."""
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "deploy.local.tests.supervised", what, str(home)],
        cwd=ROOT,
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


async def engines(home: Path) -> None:
    async with Stack(home, services=(), simulators=(), environ={}) as stack:
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


if __name__ == "__main__":
    what, home = sys.argv[1], Path(sys.argv[2])
    if what == "engines":
        asyncio.run(engines(home))
    else:
        {"children": children, "modules": modules}[what](home)
