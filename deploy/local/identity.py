"""Which process a pid means: a number is used again, a number with its start time is not."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

_HAS_PROC = Path("/proc/self/stat").exists()  # Linux
_STATE, _START_TICKS = 0, 19  # in /proc/<pid>/stat, counted after the command's closing parenthesis


def start_mark(pid: int) -> str | None:
    """What tells this process from an earlier or later one of the same pid; None when it has ended."""
    if _HAS_PROC:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[_STATE] in "ZX" else f"{boot}:{fields[_START_TICKS]}"
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return None


@dataclass(frozen=True)
class Started:
    """A process of ours. Waves stop from the highest to the lowest: services before the engines under them."""

    name: str
    pid: int
    mark: str
    wave: int
    signal: int
    grace: float

    @classmethod
    def read(cls, text: str) -> Started:
        """What `write` gave. Raises ValueError for anything else: a number that is no pid would mean a whole process group."""
        match json.loads(text):
            case {
                "name": str(name), "pid": int(pid), "mark": str(mark), "wave": int(wave), "signal": int(signum),
                "grace": int(grace) | float(grace),
            } if pid > 1 and mark:  # fmt: skip
                return cls(name, pid, mark, wave, signum, grace)
        raise ValueError("it names no process")

    def write(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    def alive(self) -> bool:
        return start_mark(self.pid) == self.mark

    def send(self, signum: int, *, group: bool = False) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.alive():
                os.killpg(self.pid, signum) if group else os.kill(self.pid, signum)


def stop_all(started: Iterable[Started]) -> None:
    """Ask politely, wait, then kill with everything the process has started itself."""
    for _, wave in groupby(sorted(started, key=lambda one: -one.wave), key=lambda one: one.wave):
        processes = list(wave)
        for process in processes:
            process.send(process.signal)
        for process in processes:
            if not _ended(process, process.grace):
                process.send(signal.SIGKILL, group=True)
                _ended(process, 10)


def _ended(process: Started, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while process.alive():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
