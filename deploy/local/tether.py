"""Ties a program to the process that starts it, then becomes that program, as another user if one is named.

Run by path with no import of ours: `tether.py PARENT SIGNAL UID:GID|- PROGRAM ARGUMENT...`
"""

from __future__ import annotations

import ctypes  # before the user changes: the other user may not be allowed to read Python's folder
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, signum: str, user: str, *argv: str) -> None:
    if user != "-":
        uid, gid = (int(part) for part in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the user: the kernel forgets the tie when credentials change.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signum))
        if os.getppid() != int(parent):  # it died before the tie was made
            sys.exit(1)
    os.execvp(argv[0], argv)  # noqa: S606  (the whole point)


if __name__ == "__main__":
    main(*sys.argv[1:])
