"""What another process may ask of the supervisor: to start a part anew. A request is a file in `run/restart`, the answer another.

Files and not a socket: a socket's path must be short, and a stack may live anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.local.errors import CannotRun
from deploy.local.lock import is_taken
from deploy.local.supervisor import READY_SECONDS, Supervisor

_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = READY_SECONDS + 60


class Control:
    """The supervisor's end: works requests one after another."""

    def __init__(self, home: Path, supervisor: Supervisor, say: Callable[[str], None]) -> None:
        self._folder, self._supervisor, self._say = _folder(home), supervisor, say

    async def run(self) -> None:
        """For ever. Who asked may be gone, the disk may be full: neither keeps the next one waiting."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            for request in self._asked():
                try:
                    await self._work(request)
                except OSError as trouble:
                    self._say(f"what was asked in {request} could not be done or told: {trouble}")
            await asyncio.sleep(_LOOK_SECONDS)

    def _asked(self) -> list[Path]:
        with contextlib.suppress(FileNotFoundError):  # withdrawn meanwhile; the others are there at the next look
            return sorted(self._folder.glob("*.asked"), key=lambda file: file.stat().st_mtime)
        return []

    async def _work(self, request: Path) -> None:
        if (name := _taken(request)) is not None:
            _write(request.with_suffix(".told"), json.dumps(await self._restart(name)))

    async def _restart(self, name: str) -> dict[str, Any]:
        began = time.monotonic()
        self._say(f"starting {name} anew, as asked")
        try:
            await self._supervisor.restart(name)
        except CannotRun as failed:
            return {"name": name, "failed": str(failed)}
        return {"name": name, "seconds": round(time.monotonic() - began, 1)}


def forget_asked(home: Path) -> None:
    """What was asked of an earlier supervisor; to be called as soon as the lock is taken, for from then on the new one is asked."""
    for old in _folder(home).glob("*"):
        with contextlib.suppress(OSError):
            old.unlink()


def restart(home: Path, name: str) -> float:
    """Asks the supervisor of this home, and waits until the part is ready; how long it took. Raises CannotRun."""
    if not is_taken(home):
        raise CannotRun(
            f"nothing supervises {home}: polyplus up starts it; elsewhere restart the process as your machine does"
        )
    request = _folder(home) / f"{uuid4()}.asked"
    request.parent.mkdir(parents=True, exist_ok=True)
    answer = request.with_suffix(".told")
    _write(request, name)
    end = time.monotonic() + _PATIENCE_SECONDS
    try:
        while time.monotonic() < end:
            if answer.exists():
                told = json.loads(answer.read_text())
                if "failed" in told:
                    raise CannotRun(told["failed"])
                return float(told["seconds"])
            if not is_taken(home):
                raise CannotRun("the supervisor ended meanwhile")
            time.sleep(_LOOK_SECONDS)
    finally:
        request.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)
    raise CannotRun(f"the supervisor did not restart {name} within {_PATIENCE_SECONDS} s")


def _taken(request: Path) -> str | None:
    """What is asked; it is gone then, for what cannot be told must not be done again and again. None: it was withdrawn."""
    try:
        name = request.read_text(errors="replace")
        request.unlink()
    except FileNotFoundError:
        return None
    return name


def _folder(home: Path) -> Path:
    return home / "run" / "restart"


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)
