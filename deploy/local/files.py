"""Files and folders that are there whole or not at all, whatever ends the program that makes them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.local.errors import CannotRun


def write_whole(path: Path, text: str) -> None:
    """Puts a file of the owner's alone in the place of what is there. Raises OSError, and what was there stays."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        os.fchmod(descriptor, 0o600)
        out.write(text)
        out.flush()
        os.fsync(descriptor)
    new.replace(path)
    _sync_folder(path.parent)


@contextlib.contextmanager
def made_aside(place: Path) -> Iterator[Path]:
    """A new folder beside `place`; what is in its `whole` at the end becomes `place`. What an earlier try left is removed.

    Raises CannotRun when something else has that name.
    """
    for left in place.parent.glob(f"{place.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(dir=place.parent, prefix=f"{place.name}.new-"))
    try:
        (work / "whole").mkdir()
        yield work
        try:
            (work / "whole").rename(place)  # over an empty folder too
        except OSError as taken:
            raise CannotRun(f"{place} is not whole, and not empty either: move it away, or make clean") from taken
        _sync_folder(place.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """The new name outlasts a loss of power too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
