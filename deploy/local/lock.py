"""One supervisor per home. The kernel releases the lock when the holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from typing import IO

from deploy.local.errors import CannotRun
from deploy.local.identity import Started, start_mark
from deploy.local.waiting import until

_STOP_SECONDS = 90


def take(home: Path) -> IO[str]:
    lock = _try(home)
    if lock is None:
        raise CannotRun(f"this stack is running already (pid {_holder(home)[0]}, {home}): polyplus down stops it")
    lock.truncate(0)
    lock.write(f"{os.getpid()} {start_mark(os.getpid())}")
    lock.flush()
    return lock


def is_taken(home: Path) -> bool:
    if not _file(home).exists():
        return False
    lock = _try(home)
    if lock is not None:
        lock.close()
    return lock is None


def stop_holder(home: Path) -> bool:
    """Ask the supervisor to end and wait for it; False when there is none."""
    if not is_taken(home):
        return False
    until(
        lambda: not is_taken(home) or bool(_holder(home)[1]),
        seconds=5,
        otherwise="the supervisor does not say who it is",
    )
    pid, mark = _holder(home)
    if pid.isdecimal() and mark:
        Started("supervisor", int(pid), mark, 0, signal.SIGTERM, _STOP_SECONDS).send(signal.SIGTERM)
    until(lambda: not is_taken(home), seconds=_STOP_SECONDS, otherwise=f"the supervisor (pid {pid}) does not end")
    return True


def _try(home: Path) -> IO[str] | None:
    lock = _file(home).open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _holder(home: Path) -> tuple[str, str]:
    pid, _, mark = _file(home).read_text().partition(" ")
    return pid, mark


def _file(home: Path) -> Path:
    return home / "run" / "supervisor.lock"
