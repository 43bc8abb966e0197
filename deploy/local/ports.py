"""Ports on this machine: the default when it is free, else any free one; a configured one or an error."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from deploy.local.errors import CannotRun

HOST = "127.0.0.1"
_OWN_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A listener of ours that has just ended leaves TIME_WAIT behind; that is no reason to move.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(avoid: frozenset[int] = frozenset()) -> int:
    """Below the range that outgoing connections take theirs from: one of those could have it before the listener does."""
    while True:
        port = secrets.choice(_OWN_RANGE)
        if port not in avoid and is_free(port):
            return port


class Ports:
    """Hands out ports, none twice, and keeps other stacks of this user off them until it is closed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        named = (value for name, value in environ.items() if name.startswith("POLYPLUS_") and name.endswith("_PORT"))
        self._spoken_for = frozenset(int(value) for value in named if value.isdecimal())
        self._kept: dict[int, IO[str]] = {}

    def close(self) -> None:
        for lock in self._kept.values():
            lock.close()
        self._kept.clear()

    def choose(self, variable: str, default: int | None) -> int:
        """The port that `variable` names, which must be free; else `default` when free; else any free one."""
        configured = self._environ.get(variable)
        if configured:
            port = _number(variable, configured)
            if not self._take(port):
                raise CannotRun(
                    f"{variable}={port} is taken on {HOST}: free that port, or unset {variable} to have one chosen"
                )
            return port
        if default is not None and default not in self._spoken_for and self._take(default):
            return default
        while not self._take(port := free_port()):
            pass
        return port

    def _take(self, port: int) -> bool:
        if port in self._kept or not is_free(port):
            return False
        folder = Path(tempfile.gettempdir()) / f"polyplus-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = (folder / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._kept[port] = lock
        return True


def _number(variable: str, text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise CannotRun(f"{variable}={text} is no port: give a number between 1 and 65535")
