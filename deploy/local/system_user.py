"""PostgreSQL refuses to run as root, so root lends it a user of its own and the way to its files, no more."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from deploy.local.errors import CannotRun

_USER = "embedded_postgres"


def lend_user(data: Path, home: Path, programs: Path) -> str | None:
    """The user to run as, owner of `data`; None when whoever runs us will do.

    `home` is the stack's own folder: its group becomes the user's, which may pass. Folders above `home` and `programs` are not ours:
    where it must, everybody may pass, and a line says so.
    """
    if os.geteuid() != 0:
        return None
    user = known_or_new()
    _open_to_its_group(data.parent, home, user)
    _make_readable(programs.parent)
    opened = [*_open_the_way(home, user), *_open_the_way(programs.parent, user)]
    if opened:
        _say(f"PostgreSQL cannot run as root and runs as {_USER}: so that it reaches its files, others may now pass through "
             f"(not list) {', '.join(map(str, opened))}")  # fmt: skip
    shutil.chown(data, _USER, _USER)
    return _USER


def known_or_new() -> pwd.struct_passwd:
    """PostgreSQL's user. Of two first starts at once one makes it: a second `useradd` would give it another number, and the first one's files to nobody."""
    place = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(_USER)
        return _make_user()
    finally:
        os.close(place)


def _make_user() -> pwd.struct_passwd:
    made = subprocess.run(["useradd", "--system", "--user-group", _USER], capture_output=True, text=True, check=False)  # noqa: S607
    if made.returncode:
        raise CannotRun(
            f"PostgreSQL cannot run as root and no user could be made for it ({made.stderr.strip()}): run as another user"
        )
    return pwd.getpwnam(_USER)


def _open_to_its_group(folder: Path, home: Path, user: pwd.struct_passwd) -> None:
    """From the folder up to the stack's own: its group may pass, others learn nothing."""
    for each in (folder, *folder.parents):
        if not _may_pass(each, user):
            os.chown(each, -1, user.pw_gid)
            each.chmod(each.stat().st_mode & 0o700 | stat.S_IXGRP)
        if each == home:
            return


def _make_readable(programs: Path) -> None:
    """What an installation under a tight umask kept to root: PostgreSQL's programs and libraries, and nothing beside them."""
    libraries = programs.parent.with_name("embedded_postgres.libs")
    for path in (programs, *programs.rglob("*"), libraries, *libraries.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if mode != wanted:
                path.chmod(wanted)


def _open_the_way(path: Path, user: pwd.struct_passwd) -> list[Path]:
    """Others may pass through the folders above, without listing them; which had to be changed for that."""
    closed = [folder for folder in path.resolve().parents if not _may_pass(folder, user)]
    for folder in closed:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    return closed


def _may_pass(folder: Path, user: pwd.struct_passwd) -> bool:
    found = folder.stat()
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == user.pw_gid else stat.S_IXOTH))


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)
