"""`polyplus status | restart`: the processes of this stack."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.output import complain, print_json, print_table
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_STATUS = """
A line for each process: is it there, does it answer, what does it lack. The first column of its last word is what its own /readyz says.
Exit code 0 when everything runs and is ready, 1 when something is not, 2 when nothing runs here.

examples:
  polyplus status
  polyplus status --json | jq -r '.processes[] | select(.state != "ready") | .name'
"""
_RESTART = """
The supervisor stops each one politely (what it has begun is finished first), starts it and waits until it is ready, one after another.
Requests to it meanwhile are answered 503 by the gateway; events wait. Nothing is lost or doubled.

examples:
  polyplus restart rma
  polyplus restart cases rma --json
"""
_HTTP_SECONDS = 5


def add_commands(commands: Commands) -> None:
    status = operators_command(commands, "status", "which processes run here, and whether they are ready", _STATUS)
    status.set_defaults(run=lambda arguments: asyncio.run(_status(arguments)))
    restart = operators_command(commands, "restart", "start processes anew, one after another", _RESTART)
    restart.add_argument("service", nargs="+", help="a service, a simulator, postgres or kafka")
    restart.set_defaults(run=_restart)


@dataclass(frozen=True)
class Standing:
    """One process. `state` is ready, not ready, silent (it is there and does not answer) or gone."""

    name: str
    state: str
    pid: int | None
    up_seconds: int | None
    address: str | None
    lacks: str | None


async def _status(arguments: argparse.Namespace) -> int:
    from deploy.local import environment
    from deploy.local.lock import is_taken

    known = environment.read(arguments.home)
    if not known:
        raise CannotRun(f"{arguments.home} has no environment yet: polyplus up makes it")
    is_supervised = is_taken(arguments.home)
    found = await asyncio.gather(*(_standing(name, arguments.home, known) for name in _names(known)))
    if arguments.json:
        print_json({"supervised": is_supervised, "processes": [asdict(each) for each in found]})
    elif is_supervised or any(each.pid for each in found):
        rows = [(s.name, s.state, s.pid, _long(s.up_seconds), s.address, s.lacks) for s in found]
        marked = [i for i, each in enumerate(found) if each.state != "ready"]
        print_table(("process", "state", "pid", "up for", "address", "lacks"), rows, marked=marked)
    if not is_supervised:
        complain("nothing is supervised here: polyplus up starts everything")
        return 1 if any(each.pid for each in found) else 2
    return int(any(each.state != "ready" for each in found))


def _names(known: Mapping[str, str]) -> list[str]:
    from deploy.local.members import SIMULATORS
    from deploy.services import SERVICES

    engines = [
        name
        for name, its in (("postgres", "POSTGRES"), ("kafka", "KAFKA"))
        if f"POLYPLUS_LOCAL_{its}_PASSWORD" in known
    ]
    return [*engines, *SERVICES, *(name for name in SIMULATORS if f"POLYPLUS_{name.upper()}_URL" in known)]


async def _standing(name: str, home: Path, known: Mapping[str, str]) -> Standing:
    pid, since = _process(home / "run" / f"{name}.json")
    up = int(time.time() - since) if since else None
    if name in ("postgres", "kafka"):
        address = await _address(name, known)
        answers = await _listens(address)
        state = "ready" if answers and pid else "gone" if pid is None else "silent"
        return Standing(name, state, pid, up, address, None if state == "ready" else "does not take connections")
    url = known.get(f"POLYPLUS_{name.upper()}_URL", "")
    told = await asyncio.to_thread(_ready, url)
    if told is None:
        return Standing(name, "gone" if pid is None else "silent", pid, up, url, None if pid is None else "no answer")
    lacks = ", ".join(f"{what}: {why}" for what, why in told.get("checks", {}).items() if why != "ok")
    return Standing(name, "not ready" if lacks else "ready", pid, up, url, lacks or None)


def _process(record: Path) -> tuple[int | None, float | None]:
    """Its pid and since when, as far as it runs. A record that cannot be read is none."""
    from deploy.local.identity import Started

    try:
        started = Started(**json.loads(record.read_text()))
        return (started.pid, record.stat().st_mtime) if started.alive() else (None, None)
    except (OSError, ValueError, TypeError):
        return None, None


def _ready(url: str) -> dict[str, Any] | None:
    """What `/readyz` says; None when nothing answers."""
    import httpx

    try:
        answer = httpx.get(f"{url}/readyz", timeout=_HTTP_SECONDS, trust_env=False)
        told: dict[str, Any] = answer.json() if answer.content else {}
    except (httpx.HTTPError, ValueError):
        return None
    return told


async def _address(name: str, known: Mapping[str, str]) -> str:
    from urllib.parse import urlsplit

    if name == "kafka":
        return known.get("POLYPLUS_KAFKA_BOOTSTRAP", "")
    parts = urlsplit(known.get("POLYPLUS_POSTGRES_ADMIN_URL", ""))
    return f"{parts.hostname}:{parts.port}"


async def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_HTTP_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
    except (OSError, ValueError, TimeoutError):
        return False
    return True


def _long(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    return f"{days}d {hours}h" if days else f"{hours}h {minutes}m" if hours else f"{minutes}m {seconds % 60}s"


def _restart(arguments: argparse.Namespace) -> int:
    from deploy.local import environment
    from deploy.local.control import restart

    known = _names(environment.read(arguments.home))
    if unknown := [name for name in arguments.service if name not in known]:
        raise WrongUsage(f"there is no {', '.join(unknown)} here; there are {', '.join(known)}")
    done = []
    for name in arguments.service:
        if not arguments.json:
            print(f"{name}: starting anew …", flush=True)
        done.append({"name": name, "seconds": restart(arguments.home, name)})
        if not arguments.json:
            print(f"{name}: ready after {done[-1]['seconds']} s", flush=True)
    if arguments.json:
        print_json(done)
    return 0
