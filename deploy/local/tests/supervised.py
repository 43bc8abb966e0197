"""Run as a process of its own by the tests, to be killed: a supervisor with children, or with the engines of a stack."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from deploy.local.processes import Processes
from deploy.local.stack import Stack

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
PLAIN = "import time; print('ready', flush=True); time.sleep(600)"


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


if __name__ == "__main__":
    what, home = sys.argv[1], Path(sys.argv[2])
    asyncio.run(engines(home)) if what == "engines" else children(home)
