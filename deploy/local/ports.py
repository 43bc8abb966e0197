"""Ports on this machine: the default when it is free, else any free one; a configured one or an error."""

from __future__ import annotations

import os
import socket

from deploy.local.errors import CannotRun

HOST = "127.0.0.1"


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
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in avoid:
            return port


class Ports:
    """Hands out one port per name, none twice."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        self._environ = dict(os.environ) if environ is None else environ
        self._given: set[int] = set()

    def choose(self, variable: str, default: int | None) -> int:
        """The port that `variable` names, which must be free; else `default` when free; else any free one."""
        configured = self._environ.get(variable)
        if configured:
            port = _number(variable, configured)
            if port in self._given or not is_free(port):
                raise CannotRun(
                    f"{variable}={port} is taken on {HOST}: free that port, or unset {variable} to have one chosen"
                )
        elif default is not None and default not in self._given and is_free(default):
            port = default
        else:
            port = free_port(frozenset(self._given))
        self._given.add(port)
        return port


def _number(variable: str, text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise CannotRun(f"{variable}={text} is no port: give a number between 1 and 65535")
