"""Forks Python programs from one process that has imported what they share: each starts at once, and what none changes is in memory once.

Run as `python -m deploy.local.nursery MODULE...`; standard input holds a JSON line for each program wanted, standard output one for
each that was started (`pid`) or has ended (`pid`, `code`). Linux only: elsewhere a fork does not survive every import.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.local.errors import CannotRun
from deploy.local.identity import start_mark
from deploy.local.tether import PR_SET_PDEATHSIG

CAN_FORK = sys.platform == "linux"
_PR_SET_NAME = 15
_ARG_START = 45  # in /proc/<pid>/stat, counted after the command's closing parenthesis; the end follows
_READY_SECONDS = 60.0
_PATIENCE_SECONDS = 10.0  # with a nursery that does not say what is plain to see, or does not end
ROOM = " " * 256
"""At the end of the nursery's command line: what `ps` shows of a program cannot be longer than that line was."""


class Forked:
    """A forked program, as `subprocess.Popen` would show it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._nursery.code_of(self.pid)

    def wait(self) -> int:
        seen = time.monotonic()
        while (code := self.poll()) is None:
            if start_mark(self.pid) is not None:
                seen = time.monotonic()
            elif time.monotonic() - seen > _PATIENCE_SECONDS:
                self._nursery.kill()
            time.sleep(0.02)
        return code


class Nursery:
    """The supervisor's end of it."""

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.pid = self._popen.pid
        self._codes: dict[int, int] = {}
        self._read = b""
        self._reading = threading.Lock()

    def fork(self, module: str, arguments: Sequence[str], *, env: Mapping[str, str], log: Path, tie: int) -> Forked:
        """Starts `python -m module arguments`, told to end by the signal `tie` when the nursery is gone.

        Raises CannotRun when the nursery does not answer; it is ended then.
        """
        wanted = {"module": module, "arguments": list(arguments), "env": dict(env), "log": str(log), "tie": tie}
        pipe = self._popen.stdin
        assert pipe is not None
        with self._reading:
            try:
                pipe.write(json.dumps(wanted).encode() + b"\n")
                pipe.flush()
            except BrokenPipeError:
                raise CannotRun("the process that starts the services has ended") from None
            end = time.monotonic() + _READY_SECONDS
            while time.monotonic() < end and self.alive():
                if (pid := self._listen(0.5)) is not None:
                    return Forked(self, pid)
            self.kill()  # its late answer would be taken for the next program's; what it has forked ends with it
        raise CannotRun(f"{module} was not started within {_READY_SECONDS:.0f} s")

    def alive(self) -> bool:
        return self._popen.poll() is None

    def code_of(self, pid: int) -> int | None:
        with self._reading:
            self._listen(0)
            if pid not in self._codes and not self.alive() and start_mark(pid) is None:
                self._codes[pid] = -signal.SIGTERM  # it was tied to the nursery
            return self._codes.get(pid)

    def kill(self) -> None:
        """As a crash would have it."""
        self._popen.kill()
        self._popen.wait()

    def close(self) -> None:
        """Ends it, once nothing that it has forked runs any more."""
        try:
            self._popen.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _listen(self, seconds: float) -> int | None:
        """Reads what there is to read within so long; the pid of one that was started."""
        pipe, started = self._popen.stdout, None
        assert pipe is not None
        if select.select([pipe], [], [], seconds)[0]:
            *lines, self._read = (self._read + os.read(pipe.fileno(), 65536)).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "code" in said:
                    self._codes[said["pid"]] = said["code"]
                else:
                    started = said["pid"]
                    self._codes.pop(started, None)  # of an earlier one with this number
        return started


# --- in the process itself ---------------------------------------------------------------------------------------------


def main(modules: Sequence[str]) -> None:
    for module in filter(str.strip, modules):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a child would write to every page that it shares
    if (wanted := _tend()) is not None:
        _become(wanted)


def _tend() -> dict[str, Any] | None:
    """Forks and reaps until standard input ends: None. In a child: what it is to be."""
    parent = os.getpid()
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    read = b""
    while True:
        readable = select.select([0, ended], [], [])[0]
        if ended in readable:
            os.read(ended, 4096)
            _reap()
        if 0 in readable:
            chunk = os.read(0, 65536)
            if not chunk:
                return None
            *lines, read = (read + chunk).split(b"\n")
            for line in lines:
                if (pid := os.fork()) == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for end in (ended, wake):
                        os.close(end)
                    return {**json.loads(line), "parent": parent}
                _say(pid=pid)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say(pid=pid, code=os.waitstatus_to_exitcode(status))


def _say(**word: int) -> None:
    os.write(1, json.dumps(word).encode() + b"\n")


def _become(wanted: Mapping[str, Any]) -> None:
    os.setsid()
    log = os.open(wanted["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_PDEATHSIG, wanted["tie"])
    if os.getppid() != wanted["parent"]:  # it died before the tie was made
        sys.exit(1)
    os.environ.clear()
    os.environ.update(wanted["env"])
    arguments = wanted["arguments"]
    _show_as([sys.executable, "-m", wanted["module"], *arguments])
    prctl(_PR_SET_NAME, (arguments[1] if arguments[:1] == ["serve"] else wanted["module"].rpartition(".")[2]).encode())
    sys.argv = [wanted["module"], *arguments]
    runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)


def _show_as(words: Sequence[str]) -> None:
    """Lets `ps` show these words, not the nursery's, which lie where the kernel says that the command line is."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[_ARG_START]), int(fields[_ARG_START + 1])
    if 0 < begin < end:  # a kernel that tells nobody shows zeros
        line = b"\0".join(os.fsencode(word) for word in words)[: end - begin - 1]
        ctypes.memmove(begin, line.ljust(end - begin, b"\0"), end - begin)


if __name__ == "__main__":
    main(sys.argv[1:])
