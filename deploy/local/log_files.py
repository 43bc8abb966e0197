"""The log of one process: a file that the process appends to, its last lines, and its bound."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

MOST_BYTES = 100_000_000
"""Of one log while its process runs; as much again is kept in its `.log.1`."""
_TAIL_BYTES = 64 * 1024


def last_lines(log: Path, lines: int) -> str:
    """Nothing when it cannot be read: somebody may have removed it to make room. However long it is, little of it is read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return "\n".join(file.read(_TAIL_BYTES).decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def bound(log: Path, most: int = MOST_BYTES) -> None:
    """Puts what is there aside and empties the file, when it is longer. What is written meanwhile, for milliseconds, is lost; where
    no copy can be made, as on a full disk, all of it is.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size <= most:
            return
        older = log.with_suffix(".log.1")
        new = older.with_suffix(".1.new")
        try:
            shutil.copyfile(log, new)
            new.replace(older)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
        os.truncate(log, 0)
