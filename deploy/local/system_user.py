"""PostgreSQL refuses to run as root, so root lends it a user of its own and the way to its files, no more."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from deploy.local.errors import CannotRun

_USER = "embedded_postgres"


def lend_user(data: Path, programs: Path) -> str | None:
    """The user to run as, owner of `data`; None when whoever runs us will do."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        _make_user()
    for path in (data, programs):
        _open_the_way(path)
    shutil.chown(data, _USER, _USER)
    return _USER


def _make_user() -> None:
    made = subprocess.run(["useradd", "--system", "--user-group", _USER], capture_output=True, text=True, check=False)  # noqa: S607
    if made.returncode:
        raise CannotRun(
            f"PostgreSQL cannot run as root and no user could be made for it ({made.stderr.strip()}): run as another user"
        )


def _open_the_way(path: Path) -> None:
    """Others may pass through the folders above, without listing them."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
