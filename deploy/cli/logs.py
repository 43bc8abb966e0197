"""`polyplus logs`: what the processes of this stack have written, in the order of time."""

from __future__ import annotations

import argparse
import heapq
import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.clock import duration
from deploy.cli.output import print_json
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_TEACH = """
The lines of the services, the simulators and the engines that run on this machine, merged by time. Each service writes JSON lines;
here they are a line for people, or by --json as they are. What belongs to one request or event has one trace: --trace shows all
services' lines of it. Elsewhere than on one machine the processes' standard output goes where your logs go.

examples:
  polyplus logs rma                                  the last 50 lines of one service
  polyplus logs -f                                   everything from now on, until Ctrl-C
  polyplus logs --since 10m --level error
  polyplus logs --trace 4bf92f3577b34da6a3ce929d0e0e4736
"""
_LEVELS = ("debug", "info", "warning", "error", "critical")
_TIME = re.compile(r"^\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)[.,](\d{1,6})( UTC)?")
_SEVERE = re.compile(r"\b(FATAL|PANIC|ERROR|WARN(?:ING)?|INFO|LOG)\b")
_AS_LEVEL = {"FATAL": "critical", "PANIC": "critical", "ERROR": "error", "WARN": "warning", "WARNING": "warning"}
_LOOK_SECONDS = 0.2
_FIRST = ("time", "level", "service", "event")


def add_commands(commands: Commands) -> None:
    logs = operators_command(commands, "logs", "what the processes here have written, in the order of time", _TEACH)
    logs.add_argument("service", nargs="*", help="only these: a service, a simulator, postgres or kafka")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    logs.add_argument(
        "-n", "--lines", type=int, default=None, help="so many of the last (50, unless a filter is given)"
    )
    logs.add_argument("--since", type=duration, metavar="AGO", help="not older than 90s, 10m, 2h, 1d")
    logs.add_argument("--trace", metavar="ID", help="only lines of this trace, of every service")
    logs.add_argument("--event", metavar="ID", help="only lines about this event")
    logs.add_argument("--level", choices=_LEVELS, help="only this level and above")
    logs.set_defaults(run=_run)


@dataclass(frozen=True)
class _Wanted:
    since: datetime | None
    trace: str | None
    event: str | None
    level: str | None

    def __call__(self, line: dict[str, Any]) -> bool:
        told = line["level"] if line["level"] in _LEVELS else "info"
        return (
            (self.since is None or line["at"] >= self.since)
            and (self.trace is None or line.get("trace_id") == self.trace)
            and (self.event is None or line.get("event_id") == self.event)
            and (self.level is None or _LEVELS.index(told) >= _LEVELS.index(self.level))
        )


def _run(arguments: argparse.Namespace) -> int:
    files = _files(arguments.home, arguments.service)
    since = None if arguments.since is None else datetime.now(UTC) - arguments.since
    wanted = _Wanted(since, arguments.trace, arguments.event, arguments.level)
    narrowed = any((arguments.since, arguments.trace, arguments.event, arguments.level))
    most = arguments.lines if arguments.lines is not None else None if narrowed else 50
    show = _show_json if arguments.json else _show
    places = {file: _Place(file) for file in files}
    lines = [line for line in _merged(place.all() for place in places.values()) if wanted(line)]
    for line in lines if most is None else lines[len(lines) - min(most, len(lines)) :]:
        show(line)
    if arguments.follow:
        try:
            _follow(arguments, places, wanted, show)
        except KeyboardInterrupt:
            return 0
    return 0


def _follow(arguments: argparse.Namespace, places: dict[Path, _Place], wanted: _Wanted, show: Any) -> None:
    while True:
        for file in _files(arguments.home, arguments.service):
            places.setdefault(file, _Place(file))
        for line in _merged([place.new() for place in places.values()]):
            if wanted(line):
                show(line)
        time.sleep(_LOOK_SECONDS)


def _files(home: Path, names: Iterable[str]) -> list[Path]:
    there = {file.stem: file for file in sorted((home / "logs").glob("*.log"))}
    if not there:
        raise CannotRun(f"there are no logs under {home / 'logs'}: polyplus up writes them")
    if unknown := [name for name in names if name not in there]:
        raise WrongUsage(f"there is no log of {', '.join(unknown)}; there are {', '.join(there)}")
    return [there[name] for name in names] if names else list(there.values())


class _Place:
    """How far a log has been read. It may be put aside and begun anew meanwhile."""

    def __init__(self, file: Path) -> None:
        self._file, self._inode, self._at, self._half = file, 0, 0, b""
        self._last = datetime.fromtimestamp(0, UTC)

    def all(self) -> Iterator[dict[str, Any]]:
        """From what was put aside on."""
        older = self._file.with_suffix(".log.1")
        if older.exists():
            with older.open("rb") as lines:
                yield from (self._line(line) for line in lines)
        yield from self.new()

    def new(self) -> list[dict[str, Any]]:
        """What has come since, whole lines only."""
        try:
            with self._file.open("rb") as log:
                self._of(log.fileno())
                log.seek(self._at)
                read = log.read()
                self._at = log.tell()
        except FileNotFoundError:
            return []
        *lines, self._half = (self._half + read).split(b"\n")
        return [self._line(line) for line in lines if line.strip()]

    def _of(self, descriptor: int) -> None:
        import os

        state = os.fstat(descriptor)
        if state.st_ino != self._inode or state.st_size < self._at:
            self._inode, self._at, self._half = state.st_ino, 0, b""

    def _line(self, raw: bytes) -> dict[str, Any]:
        text = raw.decode(errors="replace").rstrip()
        line: dict[str, Any] = {"service": self._file.stem, "level": "info", "event": text}
        try:
            told = json.loads(text) if text.startswith("{") else None
        except ValueError:
            told = None
        if isinstance(told, dict) and "event" in told:
            line = told | {"service": self._file.stem}
            line.setdefault("level", "info")
            self._last = _moment(str(told.get("time", ""))) or self._last
        else:
            if match := _TIME.match(text):  # Kafka's are local, PostgreSQL's say UTC
                moment = datetime.fromisoformat(f"{match[1]}T{match[2]}.{match[3]:0<6}")
                self._last = moment.replace(tzinfo=UTC) if match[4] else moment.astimezone(UTC)
            severe = _SEVERE.search(text[:80])
            line["level"] = _AS_LEVEL.get(severe[1], "info") if severe else "info"
            line["time"] = self._last.isoformat().replace("+00:00", "Z")
        line["at"] = self._last
        return line


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _merged(logs: Iterable[Iterable[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    return heapq.merge(*logs, key=lambda line: line["at"])


def _show_json(line: dict[str, Any]) -> None:
    print_json({name: value for name, value in line.items() if name != "at"})


def _show(line: dict[str, Any]) -> None:
    more = {name: value for name, value in line.items() if name not in (*_FIRST, "at", "exception")}
    fields = " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in more.items()
    )
    text = f"{line['at']:%Y-%m-%d %H:%M:%S.%f}"[:23] + f" {line['level']:<8} {line['service']:<12} {line['event']}"
    print(f"{text}  {fields}".rstrip())
    if "exception" in line:
        print("    " + str(line["exception"]).replace("\n", "\n    "))
    sys.stdout.flush()
