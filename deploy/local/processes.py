"""Starts processes so that none outlives its supervisor, however the supervisor ends."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from deploy.local.errors import CannotRun
from deploy.local.files import write_whole
from deploy.local.identity import Started, start_mark, stop_all
from deploy.local.log_files import last_lines
from deploy.local.nursery import CAN_FORK, ROOM, Forked, Nursery

ROOT = Path(__file__).resolve().parents[2]
_TETHER = Path(__file__).with_name("tether.py")
_KEEPER_SECONDS = 10.0
_LOG_KEPT = 16 * 1024 * 1024


@dataclasses.dataclass
class Child:
    started: Started
    popen: subprocess.Popen[bytes] | Forked
    log: Path

    @property
    def name(self) -> str:
        return self.started.name

    def exit_code(self) -> int | None:
        return self.popen.poll()

    def last_words(self, lines: int = 12) -> str:
        return last_lines(self.log, lines)


class Processes:
    """What one supervisor has started. Start from a thread that lives as long as the supervisor (Linux ties to the thread).

    With `preload`, Python modules (`python -m …`) are forked, where that can be done, from a process that has imported these.
    """

    def __init__(self, run_dir: Path, log_dir: Path, *, preload: Sequence[str] = ()) -> None:
        self._run, self._logs = run_dir, log_dir
        self._preload = tuple(preload) if CAN_FORK else ()
        self._nursery: Nursery | None = None
        self._children: dict[str, Child] = {}
        self._keeper: subprocess.Popen[str] | None = None
        for folder in (run_dir, log_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        wave: int,
        stop_signal: int = signal.SIGTERM,
        grace: float = 10,
        user: str | None = None,
        cwd: Path = ROOT,
    ) -> Child:
        """Raises CannotRun when it does not start: it ended at once, or its log cannot be written."""
        log = self._logs / f"{name}.log"
        try:
            return self._start(name, argv, log, {**_machine(), **env}, wave, stop_signal, grace, user, cwd)
        except OSError as trouble:
            raise CannotRun(f"{name} cannot be started with its log {log}: {trouble.strerror or trouble}") from trouble

    def _start(
        self,
        name: str,
        argv: Sequence[str],
        log: Path,
        told: Mapping[str, str],
        wave: int,
        stop_signal: int,
        grace: float,
        user: str | None,
        cwd: Path,
    ) -> Child:
        if log.exists() and log.stat().st_size > _LOG_KEPT:
            log.replace(log.with_suffix(".log.1"))
        popen: subprocess.Popen[bytes] | Forked
        with log.open("ab") as out:
            if self._preload and tuple(argv[:2]) == (sys.executable, "-m") and user is None:
                popen = self.warm().fork(argv[2], argv[3:], env=told, log=log, tie=int(stop_signal))
            else:
                popen = subprocess.Popen(
                    [*tied(stop_signal, user), *argv],
                    env=told,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        mark = start_mark(popen.pid)
        if mark is None:
            popen.wait()
            raise CannotRun(f"{name} ended at once; its log is {log}")
        child = Child(Started(name, popen.pid, mark, wave, int(stop_signal), grace), popen, log)
        self._children[name] = child
        self._tell({"act": "started", "process": dataclasses.asdict(child.started)})
        with contextlib.suppress(OSError):  # a full disk; the keeper knows of it
            write_whole(self._run / f"{name}.json", child.started.write())
        return child

    def warm(self) -> Nursery:
        """Lets the imports begin before the first module is started."""
        if self._nursery is None or not self._nursery.alive():
            command = [*tied(signal.SIGTERM, None), sys.executable, "-m", "deploy.local.nursery", *self._preload, ROOM]
            self._nursery = Nursery(command, cwd=ROOT, env=_machine())
        return self._nursery

    def nursery_pid(self) -> int | None:
        return self._nursery.pid if self._nursery else None

    def children(self) -> list[Child]:
        return list(self._children.values())

    def stop(self, child: Child) -> None:
        stop_all([child.started])
        self.forget(child)

    def forget(self, child: Child) -> None:
        """It has ended: reap it and strike it from the records."""
        child.popen.wait()
        (self._run / f"{child.name}.json").unlink(missing_ok=True)
        self._tell({"act": "ended", "pid": child.started.pid})
        if self._children.get(child.name) is child:
            del self._children[child.name]

    def stop_all(self) -> None:
        children = self.children()
        stop_all(child.started for child in children)
        for child in children:
            self.forget(child)
        if self._nursery:
            self._nursery.close()
            self._nursery = None
        if self._keeper:
            self._tell({"act": "farewell"})
            _input(self._keeper).close()
            try:
                self._keeper.wait(_KEEPER_SECONDS)
            except subprocess.TimeoutExpired:
                self._keeper.kill()
                self._keeper.wait()
            self._keeper = None

    def _tell(self, word: dict[str, object]) -> None:
        if self._keeper is None:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "deploy.local.keeper"],
                stdin=subprocess.PIPE,
                env=_machine(),
                cwd=ROOT,
                text=True,
                start_new_session=True,
            )
        pipe = _input(self._keeper)
        try:
            pipe.write(json.dumps(word) + "\n")
            pipe.flush()
        except BrokenPipeError:  # somebody ended the keeper: a new one learns everything anew
            self._keeper.wait()
            self._keeper = None
            for child in self.children():
                self._tell({"act": "started", "process": dataclasses.asdict(child.started)})


def _input(keeper: subprocess.Popen[str]) -> IO[str]:
    assert keeper.stdin is not None
    return keeper.stdin


def stop_leftovers(run_dir: Path, say: Callable[[str], None]) -> list[str]:
    """Stop what an earlier supervisor recorded and could not stop; a pid that means another process now is left alone.

    A record that cannot be read is stepped over with a line, and is gone afterwards like the others.
    """
    left: list[Started] = []
    for record in run_dir.glob("*.json"):
        try:
            process = Started.read(record.read_text(encoding="utf-8"))
        except (OSError, ValueError) as broken:
            say(f"the record {record} is broken and says of no process ({broken}): stepped over")
            continue
        if process.alive():
            left.append(process)
    stop_all(left)
    for record in run_dir.glob("*.json"):
        record.unlink(missing_ok=True)
    return [process.name for process in left]


def run_tied(
    argv: Sequence[str], *, env: Mapping[str, str], seconds: float, user: str | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end; it ends with the thread that asked for it. Raises CannotRun after so many seconds."""
    try:
        return subprocess.run(
            [*tied(signal.SIGKILL, user), *argv],
            env={**_machine(), **env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise CannotRun(f"{Path(argv[0]).name} took more than {seconds:.0f} s: try again") from None


def tied(stop_signal: int, user: str | None) -> list[str]:
    """What to put before a program's words so that it gets this signal when its parent ends, and runs as this user."""
    return [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), str(int(stop_signal)), _ids(user)]


def _ids(user: str | None) -> str:
    if user is None:
        return "-"
    entry = pwd.getpwnam(user)
    return f"{entry.pw_uid}:{entry.pw_gid}"


def _machine() -> dict[str, str]:
    """What any program needs to find its tools and speak: nothing of ours, no credential."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PYTHONUNBUFFERED": "1",
        # glibc would learn to keep freed blocks as large as the largest so far, such as the gateway's for hashing secrets
        "MALLOC_MMAP_THRESHOLD_": str(4 * 1024 * 1024),
    }
